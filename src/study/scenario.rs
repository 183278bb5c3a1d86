//! The scenario file as it is written: tables, keys, and where each stands. Whether it makes sense is asked in
//! [`crate::study::resolve`].
//!
//! ```text
//!   file --> text --> TOML with positions --> Scenario: one Section per table, complete with defaults
//!                                             + a Problem for every key that is unknown or of the wrong kind
//! ```
//!
//! Reading goes on after a problem, so that one run of `watchtower check` shows them all.

mod arm;
mod fault_keys;
mod file;
mod journeys;
pub mod keys;
mod kubernetes_keys;
pub mod load_keys;
mod openfaas_keys;
mod price_keys;
mod section;
pub mod sidecar;
mod syntax;
mod texts;
mod tune;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::policy::registry::POLICIES;
use crate::policy::settings::{Parameter, Settings};

use super::nearest::nearest;
use super::problem::{Problem, ScenarioError};
use super::results::expect::Over;

pub use arm::ArmSection;
pub use journeys::JourneySection;
pub(in crate::study) use kubernetes_keys::ISOLATIONS;
pub use section::Section;
use section::{Source, shorten};
pub use tune::{RANGE_KEYS, RangeForm, RangeSection};

/// Most generators and most arms a scenario may have.
const ENTRIES_MAX: usize = 100;

/// Keys of the original's `const.py` that an arm has no say in.
const FROM_ELSEWHERE: [(&str, &str); 2] = [
    ("url", "leave it out: the address comes from [function] and the target"),
    ("log_level", "leave it out: verbosity is the command line's"),
];

/// A scenario file as read. Settings given wrongly have their default and a problem.
#[derive(Clone)]
pub struct Scenario {
    /// The file, as it was named.
    pub file: String,
    /// The directory that relative paths in it start from.
    pub directory: PathBuf,
    /// Keys at the top.
    pub top: Section,
    /// `[function]`.
    pub function: Section,
    /// `[function.labels]`: name, and value as text with the line it stands on.
    pub labels: BTreeMap<String, (String, u32)>,
    /// Whether there is a `[function.model]`, right or wrong.
    pub has_model: bool,
    /// `[function.model]` with the defaults of the function.
    pub model: Section,
    /// `[slo]`.
    pub slo: Section,
    /// Each `[[load]]`.
    pub loads: Vec<Section>,
    /// Each `[[load.journey]]`, by load.
    pub journeys: Vec<Vec<JourneySection>>,
    /// `[run]`.
    pub run: Section,
    /// `[run.until]`.
    pub until: Section,
    /// `[platform]`.
    pub platform: Section,
    /// `[openfaas]`.
    pub openfaas: Section,
    /// `[kubernetes]`.
    pub kubernetes: Section,
    /// `[limits]`.
    pub limits: Section,
    /// `[price]`.
    pub price: Section,
    /// Each `[[fault]]`.
    pub faults: Vec<Section>,
    /// Each `[[arm]]`.
    pub arms: Vec<ArmSection>,
    /// `[tune]`.
    pub tune: Section,
    /// `[tune.ranges]`, setting by setting.
    pub ranges: Vec<RangeSection>,
    /// `[expect]`, formula by formula.
    pub expect: Vec<Expected>,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
}

/// One formula of `[expect]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// How repeats count.
    pub over: Over,
    /// The formula as written.
    pub formula: String,
    /// The line it stands on.
    pub line: u32,
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// When the file can't be read, or is no TOML. Wrong keys and values are kept in [`Scenario::problems`].
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let name = file::shown(path);
        let text = file::read(path).map_err(|problem| ScenarioError::new(&name, vec![*problem]))?;
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(&name, &text, directory)
    }

    /// Reads the text of a scenario; `file` is its name in messages, relative paths in it start from `directory`.
    ///
    /// # Errors
    /// When it is no TOML. Wrong keys and values are kept in [`Scenario::problems`].
    pub fn parse(file: &str, text: &str, directory: PathBuf) -> Result<Self, ScenarioError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source::new(text);
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(ScenarioError::new(file, syntax::problems(&errors, &source)));
        }
        let root = root.into_inner();
        let mut reader = Reader { source, problems: Vec::new() };
        let top = reader.plain("", None, &root, &keys::top(), keys::tables()[0].tables);
        let (function_line, function_table) = reader.table(&root, "function", "[function]");
        let function =
            reader.maybe("[function]", function_line, function_table, &keys::function(), &["labels", "model"]);
        let labels = function_table.map(|table| reader.labels(table)).unwrap_or_default();
        let has_model = function_table.is_some_and(|table| table.contains_key("model"));
        let model_parameters = keys::model(&super::resolve::model_defaults(&function));
        let (model_line, model_table) = match function_table {
            Some(table) => reader.table(table, "model", "[function.model]"),
            None => (None, None),
        };
        let model = reader.maybe("[function.model]", model_line, model_table, &model_parameters, &[]);
        let slo = reader.section(&root, "slo", &keys::slo());
        let platform = reader.section(&root, "platform", &keys::platform());
        let openfaas = reader.section(&root, "openfaas", &openfaas_keys::openfaas());
        let kubernetes = reader.section(&root, "kubernetes", &kubernetes_keys::kubernetes());
        let limits = reader.section(&root, "limits", &keys::limits());
        let price = reader.section(&root, "price", &price_keys::price());
        let (run_line, run_table) = reader.table(&root, "run", "[run]");
        let run = reader.maybe("[run]", run_line, run_table, &keys::run(), &["until"]);
        let (until_line, until_table) =
            run_table.map_or((None, None), |table| reader.table(table, "until", "[run.until]"));
        let until = reader.maybe("[run.until]", until_line, until_table, &keys::until(), &[]);
        let (loads, journeys) = reader.loads(&root);
        let faults = reader.faults(&root);
        let arms = reader
            .tables(&root, "arm")
            .into_iter()
            .enumerate()
            .map(|(index, (line, table))| reader.arm(index, line, table))
            .collect();
        let expect = reader.expect(&root);
        let (tune, ranges) = reader.tune(&root, &keys::tune());
        Ok(Self {
            file: file.to_owned(),
            directory,
            top,
            function,
            labels,
            has_model,
            model,
            slo,
            loads,
            journeys,
            run,
            until,
            platform,
            openfaas,
            kubernetes,
            limits,
            price,
            faults,
            arms,
            tune,
            ranges,
            expect,
            problems: reader.problems,
        })
    }
}

struct Reader<'a> {
    source: Source<'a>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn plain(
        &mut self,
        place: &str,
        line: Option<u32>,
        table: &DeTable<'a>,
        parameters: &[Parameter],
        elsewhere: &[&str],
    ) -> Section {
        Section::read(place, line, table, parameters, elsewhere, &self.source, &mut self.problems)
    }

    fn maybe(
        &mut self,
        place: &str,
        line: Option<u32>,
        table: Option<&DeTable<'a>>,
        parameters: &[Parameter],
        elsewhere: &[&str],
    ) -> Section {
        match table {
            Some(table) => self.plain(place, line, table, parameters, elsewhere),
            None => Section::absent(place, parameters),
        }
    }

    /// The keys of the table `[name]`, which holds no others.
    fn section(&mut self, root: &DeTable<'a>, name: &str, parameters: &[Parameter]) -> Section {
        let place = format!("[{name}]");
        let (line, table) = self.table(root, name, &place);
        self.maybe(&place, line, table, parameters, &[])
    }

    /// The table under `name`, and the line it begins on.
    fn table<'t>(
        &mut self,
        parent: &'t DeTable<'a>,
        name: &str,
        header: &str,
    ) -> (Option<u32>, Option<&'t DeTable<'a>>) {
        let Some((key, value)) = parent.get_key_value(name) else { return (None, None) };
        let line = Some(self.source.line(key.span().start));
        match value.get_ref() {
            DeValue::Table(table) => (line, Some(table)),
            DeValue::Array(_) => {
                let hint = format!("write {header} with single brackets, once");
                self.problems.push(Problem::new("", "is a list, but there is one only", hint).at(line).key(header));
                (line, None)
            }
            _ => {
                let hint = format!("write {header} on a line of its own, and its keys below");
                let problem = Problem::new("", "is not a table", hint).at(line).key(name);
                self.problems.push(problem.value(self.source.shown(value)));
                (line, None)
            }
        }
    }

    /// The tables of a `[[name]]` list, each with the line it begins on; `name` as it stands in brackets.
    fn tables<'t>(&mut self, parent: &'t DeTable<'a>, name: &str) -> Vec<(u32, &'t DeTable<'a>)> {
        let (_, own) = name.rsplit_once('.').unwrap_or(("", name));
        let Some((key, value)) = parent.get_key_value(own) else { return Vec::new() };
        let line = self.source.line(key.span().start);
        let hint = format!("write [[{name}]] with double brackets, once for each");
        let entries = match value.get_ref() {
            DeValue::Array(entries) => entries,
            DeValue::Table(_) => {
                let problem = Problem::new("", "is a single table, but there may be several", hint);
                self.problems.push(problem.at(Some(line)).key(format!("[{name}]")));
                return Vec::new();
            }
            _ => {
                let problem = Problem::new("", "is not a table", hint).at(Some(line)).key(name);
                self.problems.push(problem.value(self.source.shown(value)));
                return Vec::new();
            }
        };
        if entries.len() > ENTRIES_MAX {
            let problem = Problem::new(
                "",
                format!("is there {} times; the most is {ENTRIES_MAX}", entries.len()),
                "split the scenario",
            );
            self.problems.push(problem.at(Some(line)).key(format!("[[{name}]]")));
            return Vec::new();
        }
        let mut tables = Vec::new();
        for entry in entries {
            let line = self.source.line(entry.span().start);
            if let DeValue::Table(table) = entry.get_ref() {
                tables.push((line, table));
            } else {
                let problem = Problem::new("", "is not a table", hint.clone()).at(Some(line)).key(name);
                self.problems.push(problem.value(self.source.shown(entry)));
            }
        }
        tables
    }

    fn arm(&mut self, index: usize, line: u32, table: &DeTable<'a>) -> ArmSection {
        self.with_policy("arm", &keys::arm(), index, line, table)
    }

    /// A table of these keys that names a policy and has its settings too.
    fn with_policy(
        &mut self,
        what: &str,
        common: &[Parameter],
        index: usize,
        line: u32,
        table: &DeTable<'a>,
    ) -> ArmSection {
        let text = |key: &str| table.get(key).and_then(|value| value.get_ref().as_str());
        let policy = text("policy").and_then(crate::policy::registry::find);
        let place = match text("name").or(text("policy")) {
            Some(name) if !name.is_empty() => format!("{what} \"{}\"", shorten(name)),
            _ => format!("{what} {}", index + 1),
        };
        let own = policy.map(|policy| (policy.parameters)()).unwrap_or_default();
        let known: Vec<Parameter> = common.iter().chain(&own).cloned().collect();
        let has_shadows = what == "arm";
        let shadows = if has_shadows { self.shadows(&place, table) } else { Vec::new() };
        let mut special: Vec<String> = has_shadows.then(|| "shadows".to_owned()).into_iter().collect();
        for key in table.keys() {
            let lower = key.get_ref().to_lowercase();
            let found = FROM_ELSEWHERE.iter().find(|(name, _)| *name == lower);
            if let Some((_, hint)) = found.filter(|_| known.iter().all(|parameter| parameter.name != lower)) {
                let problem = Problem::new(
                    &place,
                    format!("is not {} to set", if has_shadows { "an arm's" } else { "a function's" }),
                    *hint,
                );
                self.problems.push(problem.at(Some(self.source.line(key.span().start))).key(shorten(key.get_ref())));
                special.push(key.get_ref().clone().into_owned());
            }
        }
        // without a policy nobody can say which keys are right
        if policy.is_none() {
            let other = |key: &&Spanned<_>| {
                common.iter().all(|parameter| parameter.name != AsRef::<str>::as_ref(key.get_ref()))
            };
            special.extend(table.keys().filter(other).map(|key| key.get_ref().clone().into_owned()));
        }
        let elsewhere: Vec<&str> = special.iter().map(String::as_str).collect();
        let whole = self.plain(&place, Some(line), table, &known, &elsewhere);
        if policy.is_none() {
            self.no_policy(&whole);
        }
        let mut settings = Settings::defaults(&own);
        for (name, value) in whole.settings.iter() {
            // values of the common keys have no place in the policy's own
            if own.iter().any(|parameter| parameter.name == name) {
                let _ = settings.set(&own, name, value.clone());
            }
        }
        ArmSection { section: whole, policy, settings, shadows }
    }

    fn no_policy(&mut self, section: &Section) {
        let known: Vec<&str> = POLICIES.iter().map(|policy| policy.name).collect();
        let listed = format!("known policies: {}", known.join(", "));
        let problem = match section.settings.text("policy") {
            // a policy of the wrong type is a problem already
            "" if self
                .problems
                .iter()
                .any(|problem| problem.place == section.place && problem.key.as_deref() == Some("policy")) =>
            {
                return;
            }
            "" => section.missing("policy", "is not given", format!("write policy = \"watchtower\"; {listed}")),
            name => match nearest(name, known) {
                Some(meant) => section.problem("policy", "is no policy", format!("did you mean \"{meant}\"? {listed}")),
                None => section.problem("policy", "is no policy", listed),
            },
        };
        self.problems.push(problem);
    }
}
