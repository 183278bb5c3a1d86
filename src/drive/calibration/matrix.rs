//! As much linear algebra as a fit with a handful of numbers needs.

/// A symmetric positive definite matrix, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Symmetric {
    size: usize,
    entries: Vec<f64>,
}

impl Symmetric {
    pub(super) fn zero(size: usize) -> Self {
        Self { size, entries: vec![0.0; size * size] }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn get(&self, row: usize, column: usize) -> f64 {
        self.entries[row * self.size + column]
    }

    /// Adds to an entry and to its mirror image.
    pub(super) fn add(&mut self, row: usize, column: usize, value: f64) {
        self.entries[row * self.size + column] += value;
        if row != column {
            self.entries[column * self.size + row] += value;
        }
    }

    /// The covariance of samples of equal length.
    pub(super) fn covariance(samples: &[Vec<f64>]) -> Self {
        let size = samples.first().map_or(0, Vec::len);
        let count = samples.len().max(1) as f64;
        let mean: Vec<f64> =
            (0..size).map(|place| samples.iter().map(|sample| sample[place]).sum::<f64>() / count).collect();
        let mut covariance = Self::zero(size);
        for row in 0..size {
            for column in 0..=row {
                let sum: f64 =
                    samples.iter().map(|sample| (sample[row] - mean[row]) * (sample[column] - mean[column])).sum();
                covariance.add(row, column, sum / (count - 1.0).max(1.0));
            }
        }
        covariance
    }

    /// Draws every correlation towards 0 by this share: what few samples say of correlations is too much.
    pub(super) fn shrink(&mut self, share: f64) {
        for row in 0..self.size {
            for column in (0..self.size).filter(|column| *column != row) {
                self.entries[row * self.size + column] *= 1.0 - share;
            }
        }
    }

    /// Its Cholesky factor; entries that rounding made negative count as next to nothing.
    pub(super) fn factor(&self) -> Factor {
        let size = self.size;
        let mut lower = vec![0.0; size * size];
        for row in 0..size {
            for column in 0..=row {
                let known: f64 = (0..column).map(|k| lower[row * size + k] * lower[column * size + k]).sum();
                let rest = self.get(row, column) - known;
                lower[row * size + column] = if row == column {
                    rest.max(self.get(row, row).abs() * 1e-12).max(1e-300).sqrt()
                } else {
                    rest / lower[column * size + column]
                };
            }
        }
        Factor { size, lower }
    }
}

/// A lower triangular L with L Lᵀ = the matrix.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Factor {
    size: usize,
    lower: Vec<f64>,
}

impl Factor {
    /// L⁻¹ v: makes numbers with this covariance independent, each of variance 1.
    pub(super) fn whiten(&self, vector: &[f64]) -> Vec<f64> {
        let mut solved: Vec<f64> = Vec::with_capacity(self.size);
        for (row, value) in vector.iter().enumerate() {
            let known: f64 =
                solved.iter().enumerate().map(|(column, x)| self.lower[row * self.size + column] * x).sum();
            solved.push((value - known) / self.lower[row * self.size + row]);
        }
        solved
    }

    /// Solves (L Lᵀ) x = v.
    pub(super) fn solve(&self, vector: &[f64]) -> Vec<f64> {
        let mut solved = self.whiten(vector);
        for row in (0..self.size).rev() {
            let known: f64 =
                (row + 1..self.size).map(|below| self.lower[below * self.size + row] * solved[below]).sum();
            solved[row] = (solved[row] - known) / self.lower[row * self.size + row];
        }
        solved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Symmetric {
        let mut matrix = Symmetric::zero(3);
        for (row, column, value) in [(0, 0, 4.0), (1, 0, 2.0), (1, 1, 5.0), (2, 0, -1.0), (2, 1, 0.5), (2, 2, 3.0)] {
            matrix.add(row, column, value);
        }
        matrix
    }

    #[test]
    fn what_is_solved_gives_the_right_hand_side_again() {
        let matrix = example();
        let right = [1.0, -2.0, 0.5];
        let x = matrix.factor().solve(&right);
        for (row, right) in right.iter().enumerate() {
            let product: f64 = (0..3).map(|column| matrix.get(row, column) * x[column]).sum();
            assert!((product - right).abs() < 1e-12, "{product} {right}");
        }
    }

    #[test]
    fn whitened_numbers_have_the_length_the_covariance_gives_them() {
        let matrix = example();
        let vector = [0.3, 1.0, -0.7];
        let white = matrix.factor().whiten(&vector);
        let solved = matrix.factor().solve(&vector);
        let length: f64 = white.iter().map(|x| x * x).sum();
        let distance: f64 = vector.iter().zip(&solved).map(|(a, b)| a * b).sum();
        assert!((length - distance).abs() < 1e-12);
    }

    #[test]
    fn a_covariance_is_that_of_its_samples() {
        let samples = vec![vec![1.0, 2.0], vec![3.0, 2.0], vec![2.0, 5.0]];
        let covariance = Symmetric::covariance(&samples);
        assert!((covariance.get(0, 0) - 1.0).abs() < 1e-12);
        assert!((covariance.get(1, 1) - 3.0).abs() < 1e-12);
        assert!((covariance.get(0, 1) - 0.0).abs() < 1e-12);
    }
}
