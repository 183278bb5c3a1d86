//! The shadows of a live run: what they see of it, and the rows they leave.

use std::sync::Arc;

use super::{Answer, Run};
use crate::drive::RecordError;
use crate::drive::shadow::{Shadows, Wishes};
use crate::time::Timestamp;

impl Run<'_> {
    /// Gives the shadows something, and sees to what they leave behind.
    pub(super) fn tell_shadows(
        &mut self,
        now: Timestamp,
        give: impl FnOnce(&mut Shadows, Timestamp, &mut Wishes),
    ) -> Result<(), RecordError> {
        self.told = now;
        let mut wishes = Wishes::default();
        give(&mut self.shadows, now, &mut wishes);
        let vanish = self.faults.counters_vanish();
        for shadow in wishes.scrapes {
            let (target, answers) = (Arc::clone(&self.target), self.answers.clone());
            tokio::spawn(async move {
                let counters = if vanish { None } else { target.scrape().await };
                // nobody listens any more when the run is over
                let _ = answers.send(Answer::Shadow(shadow, counters));
            });
        }
        for (shadow, function) in wishes.measures {
            let (target, answers) = (Arc::clone(&self.target), self.answers.clone());
            tokio::spawn(async move {
                let sample = if vanish { None } else { target.measure(function).await };
                // nobody listens any more when the run is over
                let _ = answers.send(Answer::ShadowMetrics(shadow, function, sample));
            });
        }
        wishes.rows.iter().try_for_each(|row| self.recorder.event(row))
    }
}
