//! A search from its first question to its confirmed recommendation.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::pool::{Job, Pool};
use super::recommend::{Candidate, Choice, Difference, Verdict, choose, judge};
use super::summing::{Runs, figures, score};
use super::tuning::values_text;
use super::{Measured, TuneError, Tuning};
use crate::drive::live::interrupt::Interrupt;
use crate::random::Seed;
use crate::search::front::front;
use crate::search::race::Race;
use crate::search::space::Point;
use crate::search::{Ask, Fate, Origin, Score, Search, Trial, sensitivity};
use crate::study::results::tuning::{
    EvaluationRow, Figures, Interval, Recommendation, SettingSensitivity, Tried, TuneDir, TuneRecord,
};

/// Who wants to see what goes on.
pub trait TuneObserver {
    /// A run of the search is over.
    fn tune_goes_on(&mut self, progress: &Progress);
}

/// A search under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Settings that were begun.
    pub begun: u64,
    /// Most settings to try.
    pub budget: u64,
    /// Runs that were made.
    pub runs: u64,
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq)]
pub struct TuneEnd {
    /// What is in `tune.json`.
    pub record: TuneRecord,
    /// Whether it was interrupted.
    pub interrupted: bool,
}

/// Searches, and writes everything into `directory`, whose record so far is `record`.
///
/// `recorded` are the rows of a search that was cut short: they answer the first questions, so the search goes on as if nothing had
/// happened.
///
/// # Errors
/// When a file can't be written, or the rows are not this search's. What was written stays.
pub async fn run(
    tuning: &Arc<Tuning>,
    directory: &mut TuneDir,
    record: TuneRecord,
    recorded: Vec<EvaluationRow>,
    threads: Option<NonZeroUsize>,
    observer: &mut dyn TuneObserver,
    interrupt: &mut Interrupt,
) -> Result<TuneEnd, TuneError> {
    let pool = Pool::new(tuning, threads);
    let mut study = Tune {
        search: Search::new(tuning.space(), tuning.extent, &tuning.known(), tuning.seed),
        runs: Runs::default(),
        seeds: tuning.search_seeds(),
        tuning,
        recorded: recorded.into(),
    };
    let whole = study.search(&pool, directory, observer, interrupt).await?;
    let mut record = TuneRecord { status: if whole { "done" } else { "partial" }.to_owned(), ..record };
    study.sum_up(&mut record);
    let mut confirmation = Vec::new();
    let mut interrupted = !whole;
    if whole && let Some((hand_set, chosen, choice)) = study.choice() {
        if let Some((recommendation, rows)) = study.confirm(&pool, hand_set, chosen, choice, interrupt).await? {
            record.recommendation = Some(recommendation);
            confirmation = rows;
        } else {
            "partial".clone_into(&mut record.status);
            interrupted = true;
        }
    }
    directory.finish(&record, &confirmation)?;
    Ok(TuneEnd { record, interrupted })
}

struct Tune<'a> {
    tuning: &'a Arc<Tuning>,
    search: Search,
    /// What was measured, by trial and seed.
    runs: Runs,
    seeds: Vec<Seed>,
    recorded: VecDeque<EvaluationRow>,
}

impl Tune<'_> {
    /// Whether the search came to its end.
    async fn search(
        &mut self,
        pool: &Pool,
        directory: &mut TuneDir,
        observer: &mut dyn TuneObserver,
        interrupt: &mut Interrupt,
    ) -> Result<bool, TuneError> {
        let scenarios = self.tuning.studies.len();
        loop {
            let asks = self.search.ask().to_vec();
            if asks.is_empty() {
                return Ok(true);
            }
            let mut measured: Vec<Measured> = Vec::with_capacity(asks.len() * scenarios);
            let questions: Vec<(Ask, usize)> =
                asks.iter().flat_map(|ask| (0..scenarios).map(|study| (*ask, study))).collect();
            for (ask, study) in &questions {
                let Some(row) = self.recorded.pop_front() else { break };
                measured.push(self.known_answer(directory, *ask, *study, &row)?);
            }
            let known = measured.len();
            let jobs = questions[known..].iter().map(|(ask, study)| self.job(*ask, *study)).collect();
            let (tuning, search, seeds) = (self.tuning, &self.search, &self.seeds);
            let before = self.runs.count();
            let whole = pool
                .all(jobs, interrupt, |index, result| {
                    let (ask, study) = questions[known + index];
                    directory.append(&row(tuning, search, seeds, ask, study, result))?;
                    measured.push(result);
                    observer.tune_goes_on(&Progress {
                        begun: search.trials().len() as u64,
                        budget: tuning.extent.budget as u64,
                        runs: before + measured.len() as u64,
                    });
                    Ok(())
                })
                .await?;
            // a question is answered when every scenario is
            let answered: Vec<Vec<Measured>> = measured.chunks_exact(scenarios).map(<[Measured]>::to_vec).collect();
            let scores: Vec<Score> = answered.iter().map(|one| score(one)).collect();
            for (ask, one) in asks.iter().zip(answered) {
                self.runs.add(ask.trial, one);
            }
            if !whole {
                return Ok(false);
            }
            self.search.tell(&scores);
        }
    }

    fn job(&self, ask: Ask, study: usize) -> Job {
        let settings = Arc::new(self.tuning.at(&self.search.trials()[ask.trial].point));
        Job { study, settings, seed: self.seeds[ask.seed as usize] }
    }

    /// The answer that a row of an earlier session has.
    fn known_answer(
        &self,
        directory: &TuneDir,
        ask: Ask,
        study: usize,
        found: &EvaluationRow,
    ) -> Result<Measured, TuneError> {
        let measured =
            Measured { replica_seconds: found.replica_seconds, slo_violation_ratio: found.slo_violation_ratio };
        let expected = row(self.tuning, &self.search, &self.seeds, ask, study, measured);
        if expected == *found {
            return Ok(measured);
        }
        Err(TuneError::Other {
            path: directory.path().display().to_string(),
            what: format!("another search: setting {} of evaluations.csv is not what it would try", found.setting),
            hint: "go on with the version of watchtower that began it, or begin anew with --out",
        })
    }

    fn complete(&self) -> impl Iterator<Item = (usize, &Trial)> {
        self.search.trials().iter().enumerate().filter(|(_, trial)| trial.fate == Fate::Complete)
    }

    fn tried(&self, trial: usize) -> Tried {
        let point = &self.search.trials()[trial].point;
        Tried {
            setting: trial as u64 + 1,
            values: self.named_values(point),
            search: figures(self.runs.of(trial), &self.tuning.allowed()),
        }
    }

    fn named_values(&self, point: &Point) -> std::collections::BTreeMap<String, String> {
        let names = self.tuning.settings.iter().map(|setting| setting.parameter.name.to_owned());
        names.zip(values_text(self.tuning, point)).collect()
    }

    /// Fills in what the search found.
    fn sum_up(&self, record: &mut TuneRecord) {
        let trials = self.search.trials();
        record.tried = trials.iter().filter(|trial| !trial.scores.is_empty()).count() as u64;
        record.stopped = trials.iter().filter(|trial| matches!(trial.fate, Fate::Stopped { .. })).count() as u64;
        record.runs = self.runs.count();
        let complete: Vec<(usize, Score)> =
            self.complete().filter_map(|(index, trial)| Some((index, trial.mean()?))).collect();
        let scores: Vec<Score> = complete.iter().map(|(_, score)| *score).collect();
        record.front = front(&scores).into_iter().map(|index| self.tried(complete[index].0)).collect();
        let is_complete =
            |point: &Point| complete.iter().map(|(index, _)| *index).find(|index| trials[*index].point == *point);
        let [hand_set, default] = self.tuning.known();
        record.hand_set = is_complete(&hand_set).map(|index| self.tried(index));
        record.default = is_complete(&default).filter(|_| default != hand_set).map(|index| self.tried(index));
        record.sensitivity = self.sensitivity();
    }

    fn sensitivity(&self) -> Vec<SettingSensitivity> {
        let race = Race::of(self.search.trials());
        let points: Vec<(&Point, Score)> = self
            .search
            .trials()
            .iter()
            .filter(|trial| trial.origin == Origin::Design)
            .filter_map(|trial| Some((&trial.point, race.adjusted(trial)?)))
            .collect();
        let found = sensitivity::sensitivities(self.search.space().axes(), &points).unwrap_or_default();
        self.tuning
            .settings
            .iter()
            .zip(found)
            .map(|(setting, effect)| SettingSensitivity {
                name: setting.parameter.name.to_owned(),
                cost_share: effect.cost.share,
                cost_rank_correlation: effect.cost.rank_correlation,
                violation_share: effect.missed.share,
                violation_rank_correlation: effect.missed.rank_correlation,
            })
            .collect()
    }

    /// The hand-set setting's trial, the recommended one's, and why.
    fn choice(&self) -> Option<(usize, usize, Choice)> {
        let allowed = self.tuning.allowed();
        let candidates: Vec<Candidate> = self
            .complete()
            .filter_map(|(trial, scores)| {
                let (room, room_error) = self.runs.room(trial, &allowed)?;
                Some(Candidate { trial, mean: scores.mean()?, room, room_error })
            })
            .collect();
        let [hand_set, _] = self.tuning.known();
        let of_hand_set =
            candidates.iter().position(|candidate| self.search.trials()[candidate.trial].point == hand_set)?;
        let wishes = &self.tuning.wishes;
        let choice = choose(&candidates, of_hand_set, wishes.cost_weight, wishes.violation_weight)?;
        Some((candidates[of_hand_set].trial, candidates[choice.candidate].trial, choice))
    }

    /// Runs both settings with seeds the search did not see; `None` if it was interrupted.
    async fn confirm(
        &self,
        pool: &Pool,
        hand_set: usize,
        chosen: usize,
        choice: Choice,
        interrupt: &mut Interrupt,
    ) -> Result<Option<(Recommendation, Vec<EvaluationRow>)>, TuneError> {
        let tuning = self.tuning;
        let scenarios = tuning.studies.len();
        let mut settings = vec![(hand_set, "hand-set")];
        if chosen != hand_set {
            settings.push((chosen, "recommended"));
        }
        let seeds = tuning.confirmation_seeds();
        let mut jobs = Vec::new();
        let mut rows = Vec::new();
        for (trial, origin) in &settings {
            let point = &self.search.trials()[*trial].point;
            let at = Arc::new(tuning.at(point));
            for seed in &seeds {
                for (study, scenario) in tuning.studies.iter().enumerate() {
                    jobs.push(Job { study, settings: Arc::clone(&at), seed: *seed });
                    rows.push(EvaluationRow {
                        setting: *trial as u64 + 1,
                        origin: (*origin).to_owned(),
                        seed: seed.0,
                        scenario: scenario.name.clone(),
                        values: values_text(tuning, point),
                        ..EvaluationRow::default()
                    });
                }
            }
        }
        let mut measured: Vec<Measured> = Vec::with_capacity(jobs.len());
        let whole = pool
            .all(jobs, interrupt, |index, result| {
                rows[index].replica_seconds = result.replica_seconds;
                rows[index].slo_violation_ratio = result.slo_violation_ratio;
                measured.push(result);
                Ok(())
            })
            .await?;
        if !whole {
            return Ok(None);
        }
        let by_setting: Vec<Vec<Vec<Measured>>> = measured
            .chunks_exact(seeds.len() * scenarios)
            .map(|of_one| of_one.chunks_exact(scenarios).map(<[Measured]>::to_vec).collect())
            .collect();
        let [before, after] = [by_setting.first(), by_setting.last()].map(|runs| runs.cloned().unwrap_or_default());
        let [hand_figures, figures] = [&before, &after].map(|runs| figures(runs, &tuning.allowed()));
        let difference = |of: fn(Score) -> f64| {
            let pairs: Vec<(f64, f64)> =
                after.iter().zip(&before).map(|(one, other)| (of(score(one)), of(score(other)))).collect();
            Difference::of(&pairs).unwrap_or(Difference { mean: 0.0, half_width: None })
        };
        let (cost, missed) = (difference(|score| score.cost), difference(|score| score.missed));
        let verdict = if chosen == hand_set {
            Verdict::IsHandSet
        } else {
            judge(figures.meets_slo, hand_figures.meets_slo, cost, missed)
        };
        let recommendation = Recommendation {
            tried: self.tried(chosen),
            arm: tuning.arm_block(&tuning.at(&self.search.trials()[chosen].point)),
            reason: choice.reason.as_str().to_owned(),
            beats_hand_set: verdict.beats(),
            verdict: in_full(verdict, &figures),
            confirmation: figures,
            hand_set_confirmation: hand_figures,
            replica_seconds_difference: interval(cost),
            slo_violation_difference: interval(missed),
        };
        Ok(Some((recommendation, rows)))
    }
}

/// The verdict, and that the objective is missed after all if the search thought it was met.
fn in_full(verdict: Verdict, confirmed: &Figures) -> String {
    let words = verdict.as_str();
    if verdict == Verdict::NotBetter && !confirmed.meets_slo {
        format!("{words}, and the setting that came out best misses the objective")
    } else {
        words.to_owned()
    }
}

fn row(tuning: &Tuning, search: &Search, seeds: &[Seed], ask: Ask, study: usize, measured: Measured) -> EvaluationRow {
    let trial = &search.trials()[ask.trial];
    EvaluationRow {
        setting: ask.trial as u64 + 1,
        origin: match trial.origin {
            Origin::Known => "known",
            Origin::Design => "design",
            Origin::Search => "search",
        }
        .to_owned(),
        seed: seeds[ask.seed as usize].0,
        scenario: tuning.studies[study].name.clone(),
        values: values_text(tuning, &trial.point),
        replica_seconds: measured.replica_seconds,
        slo_violation_ratio: measured.slo_violation_ratio,
    }
}

fn interval(difference: Difference) -> Interval {
    let Difference { mean, half_width } = difference;
    Interval { mean, ci_low: half_width.map(|half| mean - half), ci_high: half_width.map(|half| mean + half) }
}
