//! Ctrl-C and SIGTERM as something a loop can wait for.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::load::keep_interrupts;

/// What asked for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// SIGINT, as Ctrl-C sends.
    CtrlC,
    /// SIGTERM.
    Terminate,
}

/// Whether, and by what, the end was asked for. Once it was, it stays so.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<Option<Cause>>);

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from now on. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the operating system refuses the handlers.
    pub fn listen() -> io::Result<Self> {
        // before anything of tokio's: a load of journeys must find Ctrl-C taken
        keep_interrupts();
        let (sender, receiver) = watch::channel(None);
        let mut ctrl_c = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            let cause = tokio::select! {
                _ = ctrl_c.recv() => Cause::CtrlC,
                _ = terminate.recv() => Cause::Terminate,
            };
            // the sender stays alive: a closed channel would read as an interruption
            sender.send_replace(Some(cause));
            sender.closed().await;
        });
        Ok(Self(receiver))
    }

    /// One that is asked by hand: for programs that embed a run, and for tests.
    pub fn by_hand() -> (watch::Sender<Option<Cause>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }

    /// What asked for the end, if anything did.
    pub fn cause(&self) -> Option<Cause> {
        *self.0.borrow()
    }

    /// Returns when the end is asked for; at once if it was.
    pub async fn wait(&mut self) {
        if self.0.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// SIGHUP, which asks a program that stays to read its configuration again.
#[derive(Debug)]
pub struct Hangup(Signal);

impl Hangup {
    /// Listens from now on. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the operating system refuses the handler.
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Returns when it comes the next time.
    pub async fn comes(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Ctrl-C as something that may come more than once. SIGTERM keeps its default: it ends the process.
#[derive(Debug)]
pub struct CtrlC(Signal);

impl CtrlC {
    /// Listens from now on. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the operating system refuses the handler.
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::interrupt()).map(Self)
    }

    /// Returns when it is pressed the next time.
    pub async fn pressed(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
