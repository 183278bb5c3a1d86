//! The processor cores this program may run on: what hey's usage names and `-cpus` limits.

use crate::drive::live::cores::{allowed, granted};

/// Cores this process may run on, as Go's `runtime.NumCPU` counts them; 1 where the system does not tell.
pub fn available() -> usize {
    match allowed().len() {
        0 => granted(),
        count => count,
    }
}

/// Keeps this thread, and those it starts from now on, to the first `count` of its cores; returns whether that was possible.
///
/// With as many cores as there are, or more, nothing changes.
pub fn limit(count: usize) -> bool {
    if count == 0 || count >= available() {
        return true;
    }
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_setaffinity};
        let mut some = CpuSet::new();
        allowed().into_iter().take(count).all(|core| some.set(core).is_ok())
            && sched_setaffinity(nix::unistd::Pid::from_raw(0), &some).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_for_this_thread_and_never_grows() {
        let all = available();
        let limited = std::thread::scope(|scope| {
            let thread = scope.spawn(|| (limit(1), available(), limit(all + 1), available()));
            thread.join().expect("no panic")
        });
        if cfg!(target_os = "linux") {
            assert_eq!(limited, (true, 1, true, 1));
        }
        assert_eq!(available(), all);
    }
}
