//! The model of a deployed function: the default one, changed by its labels and annotations.
//!
//! `watchtower.model.cpu: 20ms` is what `cpu = "20ms"` is in a scenario's `[function.model]`; every key of it can be given. An
//! annotation wins over a label of the same name.

use std::collections::BTreeMap;

use crate::drive::model_settings;
use crate::model::FunctionModel;
use crate::policy::settings::{Kind, Parameter, SettingError, Settings, Value};

/// What the keys begin with.
pub(super) const PREFIX: &str = "watchtower.model.";

/// The model of a deployment.
///
/// # Errors
/// A key that does not exist, or a value it can't have: the key, the value, and what to write.
pub(super) fn model(
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Result<FunctionModel, String> {
    let parameters = model_settings::parameters(&FunctionModel::default());
    let mut settings = Settings::defaults(&parameters);
    for (key, text) in labels.iter().chain(annotations) {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
            let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
            return Err(format!("{key} is not a setting of the model; known are {}", known.join(", ")));
        };
        settings.set(&parameters, name, value(parameter, text)).map_err(|error| match error {
            SettingError::NotAllowed(allowed) => format!("{key}: {text:?} is not allowed; write {allowed}"),
            other => format!("{key}: {text:?} {other}"),
        })?;
    }
    Ok(model_settings::model(&settings))
}

/// A text as the kind of value the parameter takes; what can't be read as one is left to the parameter to refuse.
fn value(parameter: &Parameter, text: &str) -> Value {
    let as_text = || Value::Owned(text.to_owned());
    match parameter.kind {
        Kind::Integer { .. } => text.parse().map_or_else(|_| as_text(), Value::Integer),
        Kind::Number { .. } => text.parse().map_or_else(|_| as_text(), Value::Number),
        _ => as_text(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Work;

    fn of(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Result<FunctionModel, String> {
        let map =
            |pairs: &[(&str, &str)]| pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        model(&map(labels), &map(annotations))
    }

    #[test]
    fn labels_and_annotations_set_the_model_and_an_annotation_wins() {
        assert_eq!(of(&[("com.openfaas.scale.min", "2")], &[("topic", "x")]), Ok(FunctionModel::default()));
        let labels = [("watchtower.model.cpu", "20ms"), ("watchtower.model.workers", "8")];
        let tuned = of(&labels, &[("watchtower.model.cpu", "5ms"), ("watchtower.model.cpu_cv", "0.5")]).unwrap();
        assert_eq!(tuned.workers, 8);
        assert_eq!(tuned.cpu, Work { mean: Duration::from_millis(5), cv: 0.5 });
    }

    #[test]
    fn a_key_or_a_value_that_is_wrong_is_named_with_what_is_right() {
        for (key, value, message) in [
            ("workers", "0", "watchtower.model.workers: \"0\" is not allowed; write a whole number from 1 to 10000"),
            ("workers", "x", "watchtower.model.workers: \"x\" is not allowed; write a whole number from 1 to 10000"),
            ("cpu_cv", "nan", "watchtower.model.cpu_cv: \"nan\" is not allowed; write a number from 0 to 100"),
            (
                "cpu",
                "20",
                "watchtower.model.cpu: \"20\" has no unit; write for example \"20s\" for seconds or \"20ms\" for milliseconds",
            ),
        ] {
            let key = format!("{PREFIX}{key}");
            assert_eq!(of(&[(&key, value)], &[]), Err(message.to_owned()));
        }
        let unknown = of(&[], &[("watchtower.model.cpus", "1ms")]).unwrap_err();
        assert!(
            unknown.starts_with("watchtower.model.cpus is not a setting of the model; known are workers, "),
            "{unknown}"
        );
    }
}
