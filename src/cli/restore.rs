//! `watchtower restore`.

use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::drive::live::target::guest::journal::{ClusterDebt, Entry, Journal, Owed, Taken};
use crate::drive::live::target::guest::{Alertmanager, GuestError, adopt, pay};
use crate::drive::live::target::kubernetes::{Finder, Isolation, Left, Place, Search, Way};
use crate::study::resolve;
use crate::time::parse_duration;

/// Put back what a killed run left changed on somebody's platform
///
/// A run on a real gateway or cluster notes what it changes (replicas, a silenced alert, a switched-off Alertmanager) before it changes it, and puts it back when it ends. After
/// a kill -9 or a power cut the note is still there: this command puts back everything of runs that are no more. Runs that still
/// go on are left alone. On a cluster the note is on the changed objects, too: with a scenario, a kubeconfig, a context or a namespace, what
/// runs of other machines left there is put back as well. Exit codes: 0 everything is as it was; 1 something could not be put back.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look at the objects of the cluster of this scenario's [kubernetes] too: its function and its Alertmanager
    #[arg(value_name = "SCENARIO")]
    scenario: Option<PathBuf>,

    /// Look at the objects of the cluster of this kubeconfig too [default with --context or --namespace: KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    kubeconfig: Option<PathBuf>,

    /// Look at the objects of the cluster of this context too
    #[arg(long, value_name = "CONTEXT", conflicts_with = "scenario")]
    context: Option<String>,

    /// Look at the objects of this namespace of the cluster (may be given several times) [default: openfaas-fn and openfaas]
    #[arg(long = "namespace", value_name = "NAMESPACE", conflicts_with = "scenario")]
    namespaces: Vec<String>,

    /// Only tell what would be put back
    #[arg(long)]
    dry_run: bool,

    /// How long to try
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    within: Duration,
}

/// Where functions and the platform itself are in the chart.
const NAMESPACES: [&str; 2] = ["openfaas-fn", "openfaas"];

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// A cluster to look at, and how an alert is heard again from here.
struct Elsewhere {
    way: Way,
    search: Search,
    alertmanager: Option<Alertmanager>,
    /// Whether runs there silence their function's alert.
    silences: bool,
    ca_file: Option<PathBuf>,
}

impl Args {
    fn elsewhere(&self) -> Result<Option<Elsewhere>, Failure> {
        if let Some(scenario) = &self.scenario {
            let (access, function) =
                resolve::cluster(scenario).map_err(|error| Failure::of(ExitStatus::Usage, error.texts().collect()))?;
            let function = Place { namespace: access.gateway.namespace, deployment: function };
            return Ok(Some(Elsewhere {
                way: access.way,
                search: Search::Objects(vec![function, access.alertmanager]),
                alertmanager: access.gateway.alertmanager,
                silences: access.isolation == Isolation::Silence,
                ca_file: access.gateway.ca_file,
            }));
        }
        if self.kubeconfig.is_none() && self.context.is_none() && self.namespaces.is_empty() {
            return Ok(None);
        }
        // what could not be put back is noted, and read from any directory
        let kubeconfig =
            self.kubeconfig.as_ref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        let namespaces =
            if self.namespaces.is_empty() { NAMESPACES.map(str::to_owned).to_vec() } else { self.namespaces.clone() };
        Ok(Some(Elsewhere {
            way: Way { kubeconfig: kubeconfig.map(|file| file.display().to_string()), context: self.context.clone() },
            search: Search::Namespaces(namespaces),
            alertmanager: None,
            silences: false,
            ca_file: None,
        }))
    }
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<ExitStatus, Failure> {
    let elsewhere = args.elsewhere()?;
    let journal = Journal::of_user().map_err(|error| failed(&error))?;
    let entries = journal.entries().map_err(|error| {
        let hint = "look at the file, put back by hand what it says, and delete it".to_owned();
        Failure::from_error(ExitStatus::Failed, &error, Some(hint))
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(&error))?;
    let mut restorer = Restorer { args, printer, journal, runtime, found: 0, failures: Vec::new() };
    restorer.noted_here(&entries);
    if let Some(elsewhere) = elsewhere {
        restorer.noted_there(&elsewhere, &entries);
    }
    if restorer.found == 0 && restorer.failures.is_empty() {
        printer.say("nothing to put back");
    }
    let Some(last) = restorer.failures.pop() else { return Ok(ExitStatus::Done) };
    for failure in &restorer.failures {
        failure.print(printer);
    }
    Err(last)
}

struct Restorer<'a> {
    args: &'a Args,
    printer: Printer,
    journal: Journal,
    runtime: Runtime,
    /// Debts of runs that are no more.
    found: usize,
    failures: Vec<Failure>,
}

impl Restorer<'_> {
    /// What this machine's journal says.
    fn noted_here(&mut self, entries: &[Entry]) {
        for entry in entries {
            if entry.process.is_alive() {
                self.printer.say(&format!("{} is left alone: process {} goes on", what(entry), entry.process.pid));
            } else if self.args.dry_run {
                self.found += 1;
                Printer::result(&format!("would put back {}", what(entry)));
            } else {
                self.found += 1;
                let paid = self.runtime.block_on(pay(entry, &self.journal, self.args.within));
                self.paid(entry, paid);
            }
        }
    }

    /// What stands on a cluster's objects, but for what the journal has told already.
    fn noted_there(&mut self, elsewhere: &Elsewhere, known: &[Entry]) {
        let looked = self.runtime.block_on(async {
            let finder = Finder::at(&elsewhere.way).await?;
            let found = finder.look(&elsewhere.search).await?;
            Ok::<_, GuestError>((finder, found))
        });
        let (finder, mut found) = match looked {
            Ok(looked) => looked,
            Err(error) => return self.failures.push(failed(&error)),
        };
        found.retain(|left| known.iter().all(|entry| entry.id != left.entry.id));
        if found.is_empty() {
            return self.printer.say(&format!("no object at {} says that it is to be put back", finder.cluster()));
        }
        if self.args.dry_run {
            for left in &mut found {
                self.found += 1;
                self.hear_again(elsewhere, left);
                Printer::result(&format!("would put back {}, as run {} noted there", what(&left.entry), left.entry.id));
            }
            return;
        }
        self.printer.say("watching the Leases of what was found for a sign of life");
        for mut left in found {
            match self.runtime.block_on(finder.is_dead(&mut left)) {
                Ok(()) => self.found += 1,
                Err(GuestError::Driven { who, .. }) => {
                    self.printer.say(&format!("{} is left alone: {who} goes on", what(&left.entry)));
                    continue;
                }
                Err(error) => {
                    self.failures.push(failed(&error));
                    continue;
                }
            }
            self.hear_again(elsewhere, &mut left);
            let paid = self.runtime.block_on(adopt(&left.entry, &self.journal, self.args.within));
            self.paid(&left.entry, paid);
        }
    }

    /// A silence is at an address that only the scenario tells.
    fn hear_again(&self, elsewhere: &Elsewhere, left: &mut Left) {
        if let (Some(url), None) = (&left.silenced_at, &elsewhere.alertmanager) {
            self.printer.warn(&format!(
                "the alert of {} was silenced at {url} as seen from another machine: it is heard again when the silence ends, or now if the scenario is named here",
                left.entry.function()
            ));
        }
        if left.silenced_at.is_some() || elsewhere.silences {
            let debt = left.debt();
            debt.silenced_at.clone_from(&elsewhere.alertmanager);
            debt.ca_file.clone_from(&elsewhere.ca_file);
        }
    }

    fn paid(&mut self, entry: &Entry, paid: Result<(), GuestError>) {
        match paid {
            Ok(()) => Printer::result(&format!("put back {}", what(entry))),
            Err(error) => self.failures.push(failed(&error)),
        }
    }
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::from_error(ExitStatus::Failed, error, None)
}

fn what(entry: &Entry) -> String {
    let (function, place) = (entry.function(), entry.place());
    match &entry.owed {
        Owed::Gateway(debt) => {
            let silenced = if debt.alertmanager.is_some() { ", its alert heard" } else { "" };
            format!("{function} at {place} ({}{silenced})", replicas(debt.replicas))
        }
        Owed::Load(debt) => {
            format!("the load's job {} in namespace {} at {place} (gone, with its pods)", debt.job, debt.job_namespace)
        }
        Owed::Cluster(debt) => {
            format!("{function} in namespace {} at {place} ({})", debt.namespace, objects(debt).join(", "))
        }
    }
}

fn objects(debt: &ClusterDebt) -> Vec<String> {
    let changed = |taken: &Taken| taken.replicas.map(|count| format!("{} {}", taken.deployment, replicas(count)));
    let mut parts: Vec<String> = debt.taken.iter().filter_map(changed).collect();
    if debt.silenced_at.is_some() {
        parts.push("its alert heard".to_owned());
    }
    parts.push("its Lease free".to_owned());
    parts
}

fn replicas(count: u32) -> String {
    if count == 1 { "1 replica".to_owned() } else { format!("{count} replicas") }
}
