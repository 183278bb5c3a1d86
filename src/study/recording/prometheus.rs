//! Counters in an answer of Prometheus' HTTP API: a range query, or an instant query of a range selector.
//!
//! ```text
//!   {"status":"success","data":{"resultType":"matrix","result":[
//!     {"metric":{"function_name":"ftest.openfaas-fn","code":"200",...},"values":[[1795457213.302,"601"],...]}, ...]}}
//! ```
//!
//! Times are Unix times. A bare list of such series (`promtool query range -o json`) is read too. Functions are told apart by
//! their label, the gateways of one function by whatever other labels differ.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::RecordingError;
use crate::drive::replay::Series;

/// How to ask for what is wanted here.
const ASK: &str =
    "ask for the counter itself over time, such as /api/v1/query?query=gateway_function_invocation_total[10m]";

/// What an empty answer means.
const EMPTY: &str = "no series fits the query in that time: check metric, labels and time range";

/// Samples of one function, by status and by the labels that tell its gateways apart.
type Gateways = BTreeMap<(u16, String), Vec<(f64, f64)>>;

/// What an answer holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Counters {
    /// By function, in order of their labels; a name is without its namespace where that tells enough.
    pub(super) functions: Vec<(String, Vec<Series>)>,
    /// What the answer does not know.
    pub(super) unknown: Vec<String>,
}

/// Reads an answer. With a `function` only that one's counters, whatever its label if it is the only one.
///
/// # Errors
/// When it is an error, holds no counters over time, or not those of the function.
pub(super) fn read(path: &Path, text: &[u8], function: Option<&str>) -> Result<Counters, RecordingError> {
    let answer = Answer { path };
    let value: Value = serde_json::from_slice(text).map_err(|error| {
        let key = if error.line() == 0 { "it".to_owned() } else { format!("line {}", error.line()) };
        answer.wrong(
            &key,
            format!("not the JSON of Prometheus' API: {error}"),
            "the answer was cut off or changed; save it again",
        )
    })?;
    let list = answer.list(&value)?;
    let mut by_label: BTreeMap<Option<String>, Gateways> = BTreeMap::new();
    let mut is_derived = false;
    for (index, series) in list.iter().enumerate() {
        let key = format!("result[{index}]");
        let One { label, code, others, name, samples } = answer.series(&key, series)?;
        is_derived |= name.is_none();
        let of = by_label.entry(label).or_default().entry((code, others)).or_default();
        of.extend(samples);
    }
    if by_label.values().flat_map(BTreeMap::values).all(Vec::is_empty) {
        return Err(answer.wrong("data.result", "has no samples", EMPTY));
    }
    let mut counters = Counters::default();
    let labels: Vec<Option<String>> = by_label.keys().cloned().collect();
    for (label, series) in by_label {
        let series = series.into_iter().map(|((code, _), samples)| Series { code, samples }).collect();
        counters.functions.push((short(label.as_deref(), &labels), series));
    }
    if let Some(function) = function {
        answer.only(function, &labels, &mut counters)?;
    }
    if is_derived {
        let path = path.display();
        counters.unknown.push(format!(
            "{path}: its series have no metric name, so they are the result of a function or a sum; they are taken for counters all the same"
        ));
    }
    Ok(counters)
}

/// A function's name as policies know it: without its namespace, unless two functions would then be one.
fn short(label: Option<&str>, all: &[Option<String>]) -> String {
    let Some(label) = label else { return "function".to_owned() };
    let name = |label: &str| label.rsplit_once('.').map_or(label, |(name, _)| name).to_owned();
    let alike = all.iter().flatten().filter(|other| name(other) == name(label)).count();
    if alike > 1 { label.to_owned() } else { name(label) }
}

/// One series of a list.
struct One {
    /// Its function.
    label: Option<String>,
    code: u16,
    /// All other labels, which tell one gateway from another.
    others: String,
    /// Its metric.
    name: Option<String>,
    samples: Vec<(f64, f64)>,
}

struct Answer<'a> {
    path: &'a Path,
}

impl Answer<'_> {
    fn wrong(&self, key: &str, problem: impl Into<String>, remedy: &str) -> RecordingError {
        RecordingError::Prometheus {
            path: self.path.to_owned(),
            key: key.to_owned(),
            problem: problem.into(),
            remedy: remedy.to_owned(),
        }
    }

    /// The list of series, out of the envelope if there is one.
    fn list<'v>(&self, value: &'v Value) -> Result<&'v Vec<Value>, RecordingError> {
        let list = match value {
            Value::Array(list) => list,
            envelope => self.matrix(envelope)?,
        };
        if list.is_empty() {
            return Err(self.wrong("data.result", "is empty", EMPTY));
        }
        Ok(list)
    }

    fn matrix<'v>(&self, envelope: &'v Value) -> Result<&'v Vec<Value>, RecordingError> {
        if envelope["status"] == "error" {
            let word = |key: &str| envelope[key].as_str().unwrap_or("unknown").to_owned();
            let problem = format!("Prometheus answered {}: {}", word("errorType"), word("error"));
            return Err(self.wrong("status", problem, "correct the query and save its answer again"));
        }
        if envelope["status"] != "success" {
            let problem = format!("is {} and not \"success\"", envelope["status"]);
            return Err(self.wrong("status", problem, ASK));
        }
        let data = &envelope["data"];
        let kind = "data.resultType";
        match data["resultType"].as_str() {
            Some("matrix") => {
                data["result"].as_array().ok_or_else(|| self.wrong("data.result", "is no list of series", ASK))
            }
            Some("vector") => {
                Err(self.wrong(kind, "\"vector\" has one value per series, and a rate needs several", ASK))
            }
            Some(other) => Err(self.wrong(kind, format!("{other:?} is no series"), ASK)),
            None => Err(self.wrong(kind, "is missing", ASK)),
        }
    }

    fn series(&self, key: &str, series: &Value) -> Result<One, RecordingError> {
        let metric = series["metric"].as_object().ok_or_else(|| self.wrong(key, "has no metric with labels", ASK))?;
        let label = |name: &str| metric.get(name).and_then(Value::as_str).map(str::to_owned);
        let metric_key = format!("{key}.metric");
        let no_counter = "take the counter gateway_function_invocation_total";
        if series.get("histograms").is_some() || metric.contains_key("le") {
            return Err(self.wrong(key, "is a histogram and no counter", no_counter));
        }
        let name = label("__name__");
        if let Some(name) = name.as_deref().filter(|name| name.ends_with("_sum") || name.ends_with("_started")) {
            return Err(self.wrong(&metric_key, format!("{name} does not count answers"), no_counter));
        }
        let code = label("code").ok_or_else(|| {
            let remedy = "only answers with 200 make the Community Edition scale: don't sum the label code away";
            self.wrong(&metric_key, "has no label code", remedy)
        })?;
        let code = code.parse().map_err(|_| {
            self.wrong(&metric_key, format!("code {code:?} is no status"), "the label code is a status such as 200")
        })?;
        let others = metric.iter().filter(|(name, _)| !matches!(name.as_str(), "code" | "function_name"));
        let others = others.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
        let values = series["values"].as_array().ok_or_else(|| self.wrong(key, "has no values over time", ASK))?;
        let mut samples = Vec::with_capacity(values.len());
        for (index, pair) in values.iter().enumerate() {
            samples.push(self.sample(&format!("{key}.values[{index}]"), pair)?);
        }
        Ok(One { label: label("function_name"), code, others, name, samples })
    }

    fn sample(&self, key: &str, pair: &Value) -> Result<(f64, f64), RecordingError> {
        let wrong =
            |what: String| self.wrong(key, what, "each value is [Unix time, \"count\"], as Prometheus writes it");
        let Some([at, value]) = pair.as_array().map(Vec::as_slice) else {
            return Err(wrong(format!("{pair} is no pair")));
        };
        let at = at.as_f64().filter(|at| *at >= 0.0).ok_or_else(|| wrong(format!("{at} is no Unix time")))?;
        let number = match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        };
        let number = number.filter(|number: &f64| number.is_finite());
        Ok((at, number.ok_or_else(|| wrong(format!("{value} is no count")))?))
    }

    /// Keeps the function that was asked for.
    fn only(&self, function: &str, labels: &[Option<String>], counters: &mut Counters) -> Result<(), RecordingError> {
        let is_it = |label: &str| label == function || label.rsplit_once('.').is_some_and(|(name, _)| name == function);
        let fits: Vec<usize> = labels
            .iter()
            .enumerate()
            .filter(|(_, label)| label.as_deref().is_some_and(is_it))
            .map(|(index, _)| index)
            .collect();
        let chosen = match (fits.as_slice(), labels.len()) {
            ([one], _) => *one,
            // whatever it is called there
            ([], 1) => 0,
            _ => {
                let known: Vec<&str> = labels.iter().flatten().map(String::as_str).collect();
                let problem = match fits.len() {
                    0 => format!("no series of {function:?}; there are {}", known.join(", ")),
                    _ => format!("{function:?} is in several namespaces: {}", known.join(", ")),
                };
                return Err(self.wrong(
                    "function_name",
                    problem,
                    "give one of these names before the \"=\", or leave the name out",
                ));
            }
        };
        counters.functions = vec![counters.functions.swap_remove(chosen)];
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(list: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{list}]}}}}"#)
    }

    fn series(labels: &str, values: &str) -> String {
        format!(r#"{{"metric":{{"__name__":"gateway_function_invocation_total",{labels}}},"values":[{values}]}}"#)
    }

    fn read_text(text: &str, function: Option<&str>) -> Result<Counters, String> {
        read(Path::new("FILE"), text.as_bytes(), function).map_err(|error| error.to_string())
    }

    #[test]
    fn functions_are_told_apart_by_their_label_and_gateways_by_the_others() {
        let text = answer(
            &[
                series(
                    r#""function_name":"b.openfaas-fn","code":"200","instance":"one:8082""#,
                    r#"[5.25,"1"],[10.25,"2e3"]"#,
                ),
                series(r#""function_name":"a.openfaas-fn","code":"500""#, r#"[5.25,"7"]"#),
                series(r#""function_name":"b.openfaas-fn","code":"200","instance":"two:8082""#, r#"[12.5,"3"]"#),
            ]
            .join(","),
        );
        let one = |code, samples: &[(f64, f64)]| Series { code, samples: samples.to_vec() };
        let functions = vec![
            ("a".to_owned(), vec![one(500, &[(5.25, 7.0)])]),
            ("b".to_owned(), vec![one(200, &[(5.25, 1.0), (10.25, 2000.0)]), one(200, &[(12.5, 3.0)])]),
        ];
        assert_eq!(read_text(&text, None), Ok(Counters { functions: functions.clone(), unknown: Vec::new() }));
        for name in ["b", "b.openfaas-fn"] {
            assert_eq!(read_text(&text, Some(name)).expect("it is there").functions, functions[1..]);
        }
        let error = read_text(&text, Some("c")).expect_err("not there");
        assert!(
            error.starts_with("FILE: function_name: no series of \"c\"; there are a.openfaas-fn, b.openfaas-fn"),
            "{error}"
        );
    }

    #[test]
    fn a_name_that_is_in_two_namespaces_keeps_its_namespace() {
        let of = |label: &str| series(&format!(r#""function_name":"{label}","code":"200""#), r#"[5,"1"]"#);
        let text = answer(&[of("a.one"), of("a.two"), of("b.one")].join(","));
        let names: Vec<String> =
            read_text(&text, None).expect("series").functions.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.one", "a.two", "b"]);
        assert!(read_text(&text, Some("a")).expect_err("which?").contains("is in several namespaces"));
    }

    #[test]
    fn the_only_function_may_be_given_another_name_and_a_bare_list_is_read() {
        let list = format!("[{}]", series(r#""code":"200""#, r#"[5,"1"]"#));
        assert_eq!(read_text(&list, Some("mine")).expect("series").functions[0].0, "function");
        let derived = answer(r#"{"metric":{"code":"200"},"values":[[5,"1"]]}"#);
        assert!(read_text(&derived, None).expect("series").unknown[0].contains("have no metric name"));
    }

    #[test]
    fn what_holds_no_counters_over_time_is_refused_with_place_and_remedy() {
        let value = |values: &str| answer(&series(r#""code":"200""#, values));
        for (text, message) in [
            (
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\""}"#.to_owned(),
                "FILE: status: Prometheus answered bad_data: invalid parameter \"query\"",
            ),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2"]}]}}"#
                    .to_owned(),
                "FILE: data.resultType: \"vector\" has one value per series",
            ),
            (
                r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#.to_owned(),
                "FILE: data.resultType: \"scalar\" is no series",
            ),
            (r#"{"status":"success","data":{}}"#.to_owned(), "FILE: data.resultType: is missing"),
            ("{}".to_owned(), "FILE: status: is null"),
            (answer(""), "FILE: data.result: is empty"),
            (value(""), "FILE: data.result: has no samples"),
            (
                answer(r#"{"metric":{"code":"200"},"histograms":[[1,{"count":"1"}]]}"#),
                "FILE: result[0]: is a histogram",
            ),
            (answer(&series(r#""code":"200","le":"0.5""#, r#"[5,"1"]"#)), "FILE: result[0]: is a histogram"),
            (
                answer(r#"{"metric":{"__name__":"gateway_functions_seconds_sum","code":"200"},"values":[[5,"1"]]}"#),
                "FILE: result[0].metric: gateway_functions_seconds_sum does not count answers",
            ),
            (answer(&series(r#""function_name":"a""#, r#"[5,"1"]"#)), "FILE: result[0].metric: has no label code"),
            (answer(&series(r#""code":"ok""#, r#"[5,"1"]"#)), "FILE: result[0].metric: code \"ok\" is no status"),
            (value(r#"[5,"NaN"]"#), "FILE: result[0].values[0]: \"NaN\" is no count"),
            (value(r#"[5,"1"],["x","2"]"#), "FILE: result[0].values[1]: \"x\" is no Unix time"),
            (value(r#"[5,"1"],7"#), "FILE: result[0].values[1]: 7 is no pair"),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric""#.to_owned(),
                "FILE: line 1: not the JSON",
            ),
        ] {
            let error = read_text(&text, None).expect_err("wrong");
            assert!(error.starts_with(message) && error.contains("\n  hint: "), "{error}");
        }
    }
}
