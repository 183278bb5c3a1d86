//! Facts about the machine a study ran on: numbers without their host can't be compared.

use std::fs;

use super::results::summary::HostRecord;
use crate::drive::live::cores::granted;

/// The machine this program runs on, as far as it tells.
pub fn facts() -> HostRecord {
    HostRecord {
        system: system(),
        cpu: proc_value("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: u32::try_from(granted()).unwrap_or(u32::MAX),
        memory_mib: proc_value("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()))
            .map_or(0, |kib| kib / 1024),
        kept_awake: false,
    }
}

/// Whether the machine says that it is a guest of a hypervisor. x86 tells by a flag; where there is none nothing is claimed.
pub fn is_virtual() -> bool {
    proc_value("/proc/cpuinfo", "flags").is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"))
}

fn system() -> String {
    match nix::sys::utsname::uname() {
        Ok(name) => [name.sysname(), name.release(), name.machine()]
            .iter()
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" "),
        Err(_) => std::env::consts::OS.to_owned(),
    }
}

fn proc_value(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_name_and_at_least_one_core() {
        let host = facts();
        assert!(!host.system.is_empty() && !host.cpu.is_empty() && host.cores >= 1);
    }
}
