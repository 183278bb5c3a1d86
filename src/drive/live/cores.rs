//! The processor cores this program may run on, and keeping a thread to one of them.

use std::thread;

/// Numbers of the cores this thread may run on, in ascending order; none where the system does not tell.
pub fn allowed() -> Vec<usize> {
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_getaffinity};
        use nix::unistd::Pid;
        if let Ok(set) = sched_getaffinity(Pid::from_raw(0)) {
            return (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect();
        }
    }
    Vec::new()
}

/// How many cores' time this program may use, fewer than [`allowed`] where a container has less of it.
pub fn granted() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Keeps this thread to one core.
///
/// # Errors
/// When the system refuses, or has no such thing.
pub(super) fn keep_to(core: usize) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_setaffinity};
        use nix::unistd::Pid;
        let mut one = CpuSet::new();
        one.set(core)?;
        Ok(sched_setaffinity(Pid::from_raw(0), &one)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = core;
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_kept_to_one_of_its_cores_and_the_others_are_not() {
        let all = allowed();
        let Some(core) = all.last().copied() else { return };
        let kept = thread::scope(|scope| {
            scope.spawn(|| keep_to(core).map(|()| allowed())).join().expect("no panic").expect("a core of its own")
        });
        assert_eq!(kept, [core]);
        assert_eq!(allowed(), all);
        assert!((1..=all.len()).contains(&granted()));
    }
}
