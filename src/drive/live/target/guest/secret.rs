//! Where a gateway's password or token comes from. Scenarios, journals and results name the place and never hold the secret.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::drive::live::target::rest::{Authorization, Credentials};

/// The place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// The gateway asks for none.
    #[default]
    None,
    /// A password for this user, in a file.
    PasswordFile {
        /// The user.
        user: String,
        /// The file; a line end after the password is not part of it.
        file: PathBuf,
    },
    /// A password for this user, in a variable of the environment.
    PasswordEnv {
        /// The user.
        user: String,
        /// The variable's name.
        variable: String,
    },
    /// A bearer token, in a file.
    TokenFile {
        /// The file.
        file: PathBuf,
    },
    /// A bearer token, in a variable of the environment.
    TokenEnv {
        /// The variable's name.
        variable: String,
    },
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file can't be read.
    #[error("{file} can't be read: {source}")]
    File {
        /// Which.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The variable is not set, or no text.
    #[error("the environment has no variable {0}")]
    Variable(String),
    /// There is nothing in it.
    #[error("{0} is empty")]
    Empty(String),
}

impl SecretSource {
    /// Reads it.
    ///
    /// # Errors
    /// When it is not there. The message names the place only.
    pub fn read(&self) -> Result<Option<Authorization>, SecretError> {
        let secret = match self {
            Self::None => return Ok(None),
            Self::PasswordFile { file, .. } | Self::TokenFile { file } => {
                let shown = file.display().to_string();
                let text =
                    fs::read_to_string(file).map_err(|source| SecretError::File { file: shown.clone(), source })?;
                filled(&text, shown)?
            }
            Self::PasswordEnv { variable, .. } | Self::TokenEnv { variable } => {
                let text = std::env::var(variable).map_err(|_missing| SecretError::Variable(variable.clone()))?;
                filled(&text, format!("the variable {variable}"))?
            }
        };
        Ok(Some(match self {
            Self::PasswordFile { user, .. } | Self::PasswordEnv { user, .. } => {
                Authorization::Basic(Credentials { user: user.clone(), password: secret })
            }
            _ => Authorization::Bearer(secret),
        }))
    }

    /// The secret as a shell would write it in a command for people: by its place.
    pub(in crate::drive::live::target) fn for_curl(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::PasswordFile { user, file } => format!(" -u {user}:\"$(cat {})\"", file.display()),
            Self::PasswordEnv { user, variable } => format!(" -u {user}:\"${variable}\""),
            Self::TokenFile { file } => format!(" -H \"Authorization: Bearer $(cat {})\"", file.display()),
            Self::TokenEnv { variable } => format!(" -H \"Authorization: Bearer ${variable}\""),
        }
    }
}

/// The secret without the line end that editors and `echo` leave behind it.
fn filled(text: &str, place: String) -> Result<String, SecretError> {
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() { Err(SecretError::Empty(place)) } else { Ok(secret.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_without_its_line_end_and_its_place_is_named_when_it_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "s3cret \r\n").unwrap();
        let source =
            |file: &std::path::Path| SecretSource::PasswordFile { user: "admin".into(), file: file.to_owned() };
        let expected = Credentials { user: "admin".into(), password: "s3cret ".into() };
        assert_eq!(source(&file).read().unwrap(), Some(Authorization::Basic(expected)));
        fs::write(&file, "\n").unwrap();
        assert!(source(&file).read().unwrap_err().to_string().ends_with("password is empty"));
        let error = source(&folder.path().join("nowhere")).read().unwrap_err().to_string();
        assert!(error.contains("nowhere can't be read"), "{error}");
        let variable = SecretSource::TokenEnv { variable: "WATCHTOWER_NO_SUCH_VARIABLE".into() };
        assert_eq!(
            variable.read().unwrap_err().to_string(),
            "the environment has no variable WATCHTOWER_NO_SUCH_VARIABLE"
        );
    }

    #[test]
    fn a_command_for_people_names_the_place_and_not_the_secret() {
        let source = SecretSource::PasswordEnv { user: "admin".into(), variable: "OPENFAAS_PASSWORD".into() };
        assert_eq!(source.for_curl(), " -u admin:\"$OPENFAAS_PASSWORD\"");
    }
}
