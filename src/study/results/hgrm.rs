//! HdrHistogram's percentile text, which its plotter and others read.
//!
//! Layout of `outputPercentileDistribution` in HdrHistogram's AbstractHistogram.java: five steps for each halving of the distance
//! to 100 %, values in milliseconds, no last column where 1/(1-Percentile) would be infinite.

use std::fmt::Write;
use std::time::Duration;

use crate::stats::latency::LatencyHistogram;

const STEPS_PER_HALF: u32 = 5;

/// The text for a histogram.
pub fn percentile_text(histogram: &LatencyHistogram) -> String {
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for (value, quantile, count) in histogram.quantiles(STEPS_PER_HALF) {
        let _ = write!(text, "{:12.3} {quantile:14.12} {count:10}", millis(value));
        let _ = if quantile < 1.0 { writeln!(text, " {:14.2}", 1.0 / (1.0 - quantile)) } else { writeln!(text) };
    }
    let mean = millis(histogram.mean().unwrap_or_default());
    let (buckets, sub_buckets) = histogram.layout();
    let _ = writeln!(
        text,
        "#[Mean    = {mean:12.3}, StdDeviation   = {:12.3}]\n\
         #[Max     = {:12.3}, Total count    = {:12}]\n\
         #[Buckets = {buckets:12}, SubBuckets     = {sub_buckets:12}]",
        millis(histogram.standard_deviation()),
        millis(histogram.max().unwrap_or_default()),
        histogram.count(),
    );
    text
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_laid_out_as_the_plotter_expects() {
        let mut histogram = LatencyHistogram::new();
        for value in [10, 20, 30, 1_000] {
            histogram.record(Duration::from_millis(value));
        }
        insta::assert_snapshot!(percentile_text(&histogram), @r"
               Value     Percentile TotalCount 1/(1-Percentile)

              10.007 0.000000000000          1           1.00
              10.007 0.100000000000          1           1.11
              10.007 0.200000000000          1           1.25
              20.015 0.300000000000          2           1.43
              20.015 0.400000000000          2           1.67
              20.015 0.500000000000          2           2.00
              30.015 0.550000000000          3           2.22
              30.015 0.600000000000          3           2.50
              30.015 0.650000000000          3           2.86
              30.015 0.700000000000          3           3.33
            1000.447 0.750000000000          4           4.00
            1000.447 1.000000000000          4
        #[Mean    =      265.000, StdDeviation   =      424.492]
        #[Max     =     1000.000, Total count    =            4]
        #[Buckets =           22, SubBuckets     =         2048]
        ");
    }

    #[test]
    fn nothing_counted_leaves_head_and_foot() {
        let text = percentile_text(&LatencyHistogram::new());
        assert!(text.starts_with("       Value     Percentile TotalCount 1/(1-Percentile)\n\n"));
        assert!(text.contains("Total count    =            0]"), "{text}");
    }
}
