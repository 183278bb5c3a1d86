//! Ranks of values, equal ones sharing the mean of theirs. Doubled, so that every rank is whole.

/// Ranks from 1, doubled, in the order of the values; equal values share the mean of their places.
pub fn doubled(values: &[f64]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0; values.len()];
    let mut start = 0;
    while start < order.len() {
        // sorted, so what is not above the first is equal to it
        let equal = order[start..].iter().take_while(|index| values[**index] <= values[order[start]]).count();
        // places start + 1 to start + equal, their mean twice
        let rank = (2 * start + equal + 1) as u32;
        order[start..start + equal].iter().for_each(|index| ranks[*index] = rank);
        start += equal;
    }
    ranks
}

/// The sum of t³ - t over the groups of t equal ranks: what ties take from a variance of ranks.
pub(super) fn tie_term(doubled: &[u32]) -> f64 {
    let mut sorted = doubled.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|group| (group.len() as f64).powi(3) - group.len() as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_the_mean_of_their_places() {
        assert_eq!(doubled(&[3.0, 1.0, 3.0, 2.0, 3.0]), [8, 2, 8, 4, 8]);
        assert_eq!(doubled(&[0.0, -0.0]), [3, 3]);
        assert_eq!(doubled(&[]), [0; 0]);
        assert!((tie_term(&[8, 2, 8, 4, 8]) - 24.0).abs() < 1e-12);
    }
}
