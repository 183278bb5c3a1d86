//! Arithmetic that is spread over the cores: jobs that know nothing of each other, and answers in their order.
//!
//! What a job gives may depend on the job alone, so it is the same on any number of cores. Nothing that waits, and nothing that draws on
//! a stream it shares.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What `work` makes of each job, in the order of the jobs.
pub(super) fn on_all_cores<T: Sync, R: Send>(jobs: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    on_threads(cores.min(jobs.len()), jobs, work)
}

fn on_threads<T: Sync, R: Send>(threads: usize, jobs: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if threads < 2 {
        return jobs.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let some = || {
        let mut made = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return made };
            made.push((index, work(job)));
        }
    };
    let mut made = thread::scope(|scope| {
        // where the system gives fewer threads, those that are there do it all
        let others: Vec<_> =
            (1..threads).map_while(|_| thread::Builder::new().spawn_scoped(scope, some).ok()).collect();
        let mut made = some();
        for other in others {
            made.extend(other.join().unwrap_or_else(|panicked| resume_unwind(panicked)));
        }
        made
    });
    made.sort_unstable_by_key(|(index, _)| *index);
    made.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_stand_in_the_order_of_the_jobs_on_any_number_of_threads() {
        let jobs: Vec<u64> = (0..1_000).collect();
        // the first jobs take longest, so they end last
        let work = |job: &u64| (0..(1_000 - job) * 20).fold(*job, |sum, step| sum.wrapping_mul(31).wrapping_add(step));
        let alone: Vec<u64> = jobs.iter().map(work).collect();
        for threads in [0, 1, 2, 7] {
            assert_eq!(on_threads(threads, &jobs, work), alone, "{threads} threads");
        }
        assert_eq!(on_all_cores(&jobs, work), alone);
        assert_eq!(on_all_cores(&[], work), [0; 0]);
    }
}
