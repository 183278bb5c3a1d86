//! Who leads where several sidecars are set on one function: on a gateway, which knows no leases, whoever holds a file of this machine.
//!
//! A lock of the kernel's: it ends with the process that holds it, however that ends, so there is never a time in which two hold it, nor
//! one that has to run out. Another platform's way to lead gives the same watched value: until when it is sure.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::time::Timestamp;

/// Between two tries of one that stands by.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Why nobody can lead.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path} can't be locked, so nobody could tell who leads: {source}\n  hint: WATCHTOWER_STATE_DIR names another directory"
)]
pub struct LockError {
    /// The file.
    path: PathBuf,
    /// What the system said.
    source: io::Error,
}

/// A claim to lead. It ends when it is dropped.
#[derive(Debug)]
pub struct Leadership {
    lead: watch::Receiver<Option<Timestamp>>,
    claim: AbortHandle,
}

impl Leadership {
    /// Claims a function on a gateway, among all sidecars of this machine: at once if nobody has it, otherwise as soon as its leader ends.
    /// `name` is the same for all who mean the same function. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the file of the lock can't be made.
    pub fn claim(directory: &Path, name: &str) -> Result<Self, LockError> {
        // a name holds slashes; what it is made into is only to be the same for the same and to tell others apart
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
        let path = directory.join(format!("autoscale-{}.lock", name.chars().map(plain).collect::<String>()));
        let failed = |source| LockError { path: path.clone(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        let (tell, lead) = watch::channel(None);
        let mut file = try_lock(file).map_err(failed)?;
        if matches!(file, Claim::Held(_)) {
            tell.send_replace(Some(Timestamp::MAX));
        }
        let claim = tokio::spawn(async move {
            loop {
                file = match file {
                    Claim::Open(open) => {
                        tokio::time::sleep(TRY_EVERY).await;
                        match try_lock(open) {
                            Ok(claim) => claim,
                            Err(error) => {
                                tracing::error!("{}: {error}", path.display());
                                return;
                            }
                        }
                    }
                    Claim::Held(held) => {
                        tell.send_replace(Some(Timestamp::MAX));
                        // held until nobody asks for it
                        tell.closed().await;
                        drop(held);
                        return;
                    }
                };
            }
        });
        Ok(Self { lead, claim: claim.abort_handle() })
    }

    /// Until when it leads; `None` while another one does.
    pub fn watched(&self) -> watch::Receiver<Option<Timestamp>> {
        self.lead.clone()
    }
}

impl Drop for Leadership {
    fn drop(&mut self) {
        self.claim.abort();
    }
}

enum Claim {
    Open(File),
    Held(Flock<File>),
}

fn try_lock(file: File) -> io::Result<Claim> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => Ok(Claim::Held(held)),
        Err((file, Errno::EWOULDBLOCK | Errno::EINTR)) => Ok(Claim::Open(file)),
        Err((_, error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_of_two_leads_and_the_other_follows_when_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let first = Leadership::claim(directory.path(), "http://gateway/ftest").unwrap();
        let second = Leadership::claim(directory.path(), "http://gateway/ftest").unwrap();
        let other = Leadership::claim(directory.path(), "http://gateway/sleepy").unwrap();
        let leads = |one: &Leadership| one.watched().borrow().is_some();
        assert_eq!((leads(&first), leads(&second), leads(&other)), (true, false, true));
        drop(first);
        second.watched().wait_for(Option::is_some).await.unwrap();
    }
}
