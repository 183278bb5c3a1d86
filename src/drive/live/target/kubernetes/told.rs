//! Errors of the client in words that may be seen by anybody.

use std::error::Error;

use kube::client::AuthError;

/// An error of the client in words, without what a program that was asked for a token has printed.
pub(super) fn told(error: &kube::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let auth = match error.downcast_ref::<kube::Error>() {
            Some(kube::Error::Auth(auth)) => Some(auth),
            _ => error.downcast_ref::<AuthError>(),
        };
        match auth {
            Some(AuthError::AuthExecRun { cmd, out }) => {
                return format!("`{cmd}`, which gives the credentials, ended with {}", out.status);
            }
            Some(AuthError::AuthExecParse(_)) => {
                return "the program that gives the credentials wrote none that can be read".to_owned();
            }
            Some(other) => return words(other),
            None => cause = error.source(),
        }
    }
    words(error)
}

/// An error with its causes in one line, each said once.
fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
