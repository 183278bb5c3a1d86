//! `--live`: the report's page in a browser while the runs go on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use super::progress::{ProgressView, line};
use crate::drive::live::showcase::{Exhibit, Showcase};
use crate::report::live;
use crate::study::results::run_name;
use crate::study::results::summary::RunSummary;
use crate::study::runner::{Observer, Progress, RunBegins, SimulationProgress};

/// Until the first study has begun; the page asks again by itself.
const WAITING: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"1\">\
                       <title>watchtower</title><p>The study is being prepared …</p></html>\n";

/// The address of `--live`, as typed: none, a port, or an address with or without its port.
pub(super) fn address(typed: Option<&str>) -> Option<SocketAddr> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    match typed {
        None => Some(SocketAddr::new(loopback, 0)),
        Some(typed) => typed
            .parse()
            .ok()
            .or_else(|| Some(SocketAddr::new(loopback, typed.parse().ok()?)))
            .or_else(|| Some(SocketAddr::new(typed.parse().ok()?, 0)))
            .or_else(|| Some(SocketAddr::new(loopback, typed.strip_prefix("localhost:")?.parse().ok()?))),
    }
}

/// The page that runs are seen on.
pub(super) struct Live {
    showcase: Showcase,
    shown: Shown,
}

/// The results directory that is shown at the moment.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Option<PathBuf>>>);

impl Shown {
    fn results(&self) -> Option<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Exhibit for Shown {
    fn file(&self, path: &str) -> Option<(&'static str, Vec<u8>)> {
        let results = self.results();
        if path != "/" {
            return live::file(&results?, path);
        }
        let page = results.and_then(|results| live::page(&results).ok()).unwrap_or_else(|| WAITING.to_owned());
        Some(("text/html; charset=utf-8", page.into_bytes()))
    }
}

impl Live {
    /// Opens the page and says where it is.
    pub(super) fn open(address: SocketAddr, printer: Printer) -> Result<Self, Failure> {
        let shown = Shown::default();
        let showcase = Showcase::open(address, shown.clone()).map_err(|error| {
            let hint = "give --live another port, or none: it then takes one that is free";
            Failure::new(ExitStatus::Usage, format!("--live {address}: {error}"), Some(hint.to_owned()))
        })?;
        if !address.ip().is_loopback() {
            printer.warn(&format!("{address} is no loopback address: whoever reaches it can see this study"));
        }
        // also when quiet: without its address the page is of no use
        Printer::complaint(&format!("live at http://{}/\n", showcase.address()));
        Ok(Self { showcase, shown })
    }

    /// From now on this study is shown.
    pub(super) fn show(&self, results: &Path) {
        *self.shown.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(results.to_owned());
        self.showcase.tell("run", || "{}".to_owned());
    }

    /// Tells readers how things stand.
    fn tell(&self, said: String, run: Option<String>) {
        let shown = self.shown.clone();
        self.showcase.tell("second", move || match shown.results() {
            Some(results) => live::news(&results, &said, run.as_deref()),
            None => String::new(),
        });
    }

    /// The study is over; readers get its report once more.
    pub(super) fn ended(&self, results: &Path) {
        let shown = self.shown.clone();
        let said = format!("The study is over. Its report stays in {}.", results.join("report.html").display());
        self.showcase.tell("end", move || match shown.results() {
            Some(results) => live::news(&results, &said, None),
            None => String::new(),
        });
    }
}

/// Shows a study's progress on standard error and, if there is one, on its page.
pub(super) struct Watchers<'a> {
    progress: ProgressView,
    live: Option<&'a Live>,
    /// The run under way, and what is said of it.
    run: Option<(String, String)>,
}

impl<'a> Watchers<'a> {
    pub(super) const fn new(progress: ProgressView, live: Option<&'a Live>) -> Self {
        Self { progress, live, run: None }
    }
}

impl Observer for Watchers<'_> {
    fn prepares(&mut self, what: &str) {
        if let Some(live) = self.live {
            live.tell(what.to_owned(), None);
        }
        self.progress.prepares(what);
    }

    fn run_begins(&mut self, run: &RunBegins<'_>) {
        let said = format!("Run {} of {}: {}, repeat {}", run.index, run.total, run.arm, run.repeat);
        self.run = Some((run_name(run.arm, run.repeat), said));
        self.progress.run_begins(run);
    }

    fn run_goes_on(&mut self, progress: &Progress) {
        if let (Some(live), Some((name, title))) = (self.live, &self.run) {
            let said = format!("{title}, {} s: {}", progress.elapsed.as_secs(), line(progress));
            live.tell(said, Some(name.clone()));
        }
        self.progress.run_goes_on(progress);
    }

    fn simulation_goes_on(&mut self, progress: &SimulationProgress) {
        if let Some(live) = self.live {
            let share = (progress.share * 100.0).clamp(0.0, 100.0);
            live.tell(format!("{} of {} runs in virtual time, {share:.0} %", progress.ended, progress.total), None);
        }
        self.progress.simulation_goes_on(progress);
    }

    fn run_ended(&mut self, summary: &RunSummary) {
        self.progress.run_ended(summary);
        if let Some(live) = self.live {
            live.showcase.tell("run", || "{}".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_left_out_or_given_in_parts() {
        let written = |typed| address(typed).map(|address| address.to_string());
        assert_eq!(written(None).as_deref(), Some("127.0.0.1:0"));
        assert_eq!(written(Some("8088")).as_deref(), Some("127.0.0.1:8088"));
        assert_eq!(written(Some("localhost:8088")).as_deref(), Some("127.0.0.1:8088"));
        assert_eq!(written(Some("127.0.0.2")).as_deref(), Some("127.0.0.2:0"));
        assert_eq!(written(Some("[::1]:80")).as_deref(), Some("[::1]:80"));
        assert_eq!(written(Some("scenarios/quick.toml")), None);
    }
}
