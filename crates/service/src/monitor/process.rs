//! What the operating system says of this process. Where there is no `/proc`, nothing.

use std::fs;

/// Ticks a second in `/proc`: the same on every machine that Linux runs on.
const TICKS: f64 = 100.0;

/// What this process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessReading {
    /// Seconds of processor time.
    pub cpu_seconds: f64,
    /// Bytes of memory that are in use.
    pub resident_bytes: u64,
    /// Bytes of address space.
    pub virtual_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Files and sockets that are open.
    pub open_files: u64,
    /// How many may be.
    pub max_files: Option<u64>,
    /// When it was started, in seconds since 1970.
    pub started: f64,
}

/// Reads what this process uses.
pub(super) fn read() -> Option<ProcessReading> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let machine = fs::read_to_string("/proc/stat").unwrap_or_default();
    let open_files = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    parse(&stat, &status, &limits, &machine).map(|reading| ProcessReading { open_files, ..reading })
}

fn parse(stat: &str, status: &str, limits: &str, machine: &str) -> Option<ProcessReading> {
    // The second field is the name, in parentheses, and may hold anything.
    let fields: Vec<_> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.trim().parse::<f64>().ok());
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    let booted = machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse::<f64>().ok()?;
    let max_files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    Some(ProcessReading {
        cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS,
        resident_bytes: kilobytes("VmRSS:")? * 1_024,
        virtual_bytes: kilobytes("VmSize:")? * 1_024,
        threads: kilobytes("Threads:")?,
        open_files: 0,
        max_files: max_files.and_then(|rest| rest.split_whitespace().next()?.parse().ok()),
        started: booted + ticks(19)? / TICKS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_the_name_of_the_process_holds() {
        let stat = "7 (a ) (b) S 1 1 1 0 -1 4194560 10 0 0 0 250 150 0 0 20 0 5 0 1000 999 12 18446744073709551615";
        let status = "Name:\ta\nVmSize:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t5\n";
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096     files\n";
        let read = parse(stat, status, limits, "cpu 1 2\nbtime 1700000000\n").unwrap();
        assert_eq!((read.cpu_seconds, read.started, read.threads), (4.0, 1_700_000_010.0, 5));
        assert_eq!((read.resident_bytes, read.virtual_bytes, read.max_files), (1 << 20, 2 << 20, Some(1_024)));
    }

    #[test]
    fn this_process_can_be_read() {
        let read = read().unwrap();
        assert!(read.resident_bytes > 1 << 20 && read.open_files > 2 && read.started > 1.6e9, "{read:?}");
    }
}
