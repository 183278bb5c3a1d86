//! Probes between who asks for them and the model: which of them is at the gateway, and which tells how long its way was.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// Where probes are.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// When those were asked for that are on their way here.
    set_out: VecDeque<Timestamp>,
    /// Those that are inside the model.
    under_way: u32,
    /// Whether they were ever more than one since there was none.
    crowded: bool,
    /// When the last one was asked for and how long after that it left the model, if it was alone and its sender has not told yet how long
    /// it took.
    last: Option<(Timestamp, Duration)>,
}

impl Probes {
    /// One was asked for, and its way counts from then.
    pub(super) fn sets_out(&mut self, asked: Timestamp) {
        self.set_out.push_back(asked);
    }

    /// One has come: when it was asked for, if that was told. Of several on their way the one that set out first is taken to come first; all
    /// of them dial over the loopback.
    pub(super) fn comes(&mut self) -> Option<Timestamp> {
        self.under_way += 1;
        self.crowded |= self.under_way > 1;
        self.last = None;
        self.set_out.pop_front()
    }

    /// One is answered; `asked` of one whose way tells what ways are like.
    pub(super) fn leaves(&mut self, asked: Option<Timestamp>, at: Timestamp) {
        self.under_way = self.under_way.saturating_sub(1);
        self.last = asked.filter(|_| !self.crowded).map(|asked| (asked, at - asked));
        self.crowded &= self.under_way > 0;
    }

    /// The one that was asked for then is over: how long after that it left the model, if that tells of its way.
    pub(super) fn over(&mut self, asked: Timestamp) -> Option<Duration> {
        // one that never came here is not the next one
        if let Some(place) = self.set_out.iter().position(|at| *at == asked) {
            self.set_out.remove(place);
        }
        self.last.take_if(|(at, _)| *at == asked).map(|(_, left)| left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn a_probe_that_was_alone_tells_how_long_after_it_was_asked_for_it_left() {
        let mut probes = Probes::default();
        probes.sets_out(at(10));
        assert_eq!(probes.comes(), Some(at(10)));
        probes.leaves(Some(at(10)), at(40));
        assert_eq!(probes.over(at(10)), Some(Duration::from_millis(30)));
        assert_eq!(probes.over(at(10)), None, "it is told once");
    }

    #[test]
    fn of_two_on_their_way_each_is_taken_for_itself_and_neither_tells_of_ways() {
        let mut probes = Probes::default();
        probes.sets_out(at(10));
        probes.sets_out(at(11));
        assert_eq!((probes.comes(), probes.comes()), (Some(at(10)), Some(at(11))));
        probes.leaves(Some(at(10)), at(40));
        assert_eq!(probes.over(at(10)), None, "the other one was there too");
        probes.leaves(Some(at(11)), at(41));
        assert_eq!(probes.over(at(11)), None, "as this one was");
        probes.sets_out(at(60));
        probes.comes();
        probes.leaves(Some(at(60)), at(85));
        assert_eq!(probes.over(at(60)), Some(Duration::from_millis(25)), "the next one is alone again");
    }

    #[test]
    fn one_that_never_came_is_not_taken_for_the_next() {
        let mut probes = Probes::default();
        probes.sets_out(at(10));
        assert_eq!(probes.over(at(10)), None);
        assert_eq!(probes.comes(), None, "somebody else's, of which nobody told");
        probes.leaves(None, at(35));
        probes.sets_out(at(50));
        assert_eq!(probes.comes(), Some(at(50)));
    }

    #[test]
    fn what_another_probe_took_is_not_laid_to_one_that_is_over() {
        let mut probes = Probes::default();
        probes.sets_out(at(10));
        probes.comes();
        // its sender gave up and has told so before; the answer comes all the same
        assert_eq!(probes.over(at(10)), None);
        probes.leaves(Some(at(10)), at(40));
        assert_eq!(probes.over(at(50)), None);
    }
}
