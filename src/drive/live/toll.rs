//! What an answer's way back takes on top of what a model says: gateway, loopback, generator and the threads between them.
//!
//! An answer of the embedded platform makes its way back through all of these, whatever the model says. The model's transport stands for
//! the hand-overs between the programs of a real installation, of which these are some; so the platform is given that much less of it,
//! and what a client measures is what the model says. (What the way there takes, the platform sees for itself.) Measured, and not assumed: it is
//! three times as much on a busy guest as on an idle one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::clock::Clock;
use super::load::{Client, Engine, Prepared};
use super::target::embedded::Embedded;
use super::target::platform::Options;
use super::target::{Target, TargetError};
use crate::drive::{FunctionPlan, Handler, RequestPlan};
use crate::model::{FunctionModel, NodeModel, Work};
use crate::policy::FunctionInfo;
use crate::random::Seed;
use crate::record::FunctionId;
use crate::stats::percentile::percentile;

/// How long the function that is asked waits: as long as between two requests of a usual load, so that threads sleep as they do there.
const WAIT: Duration = Duration::from_millis(4);

/// Transport for the way there to be made up for.
const TRANSPORT: Duration = Duration::from_millis(4);

/// Requests that are counted; the median of so many is steady to some per cent.
const REQUESTS: usize = 48;

/// Those before: they touch memory for the first time.
const UNCOUNTED: usize = 3;

/// Nothing takes longer than this but a host that stands still.
const TIMEOUT: Duration = Duration::from_secs(1);

/// What an answer takes back on top of what the model says: asks a platform of its own some fifty times for a function that waits and does
/// nothing else, and takes the median of what came on top of that. Takes less than a second. Zero if not one request was answered.
///
/// # Errors
/// When the system gives no ports or threads.
pub async fn toll(clock: &Clock) -> Result<Duration, TargetError> {
    let function = FunctionPlan {
        info: FunctionInfo { name: "toll".to_owned(), ..FunctionInfo::default() },
        handler: Handler::Plain,
        model: FunctionModel { cpu: Work::NONE, wait: Work { mean: WAIT, cv: 0.0 }, ..FunctionModel::default() },
        query: String::new(),
        replicas: 1,
        bounds: (1, 1),
    };
    let node = NodeModel { cores: 1, gateway_cpu: Work::NONE, transport: TRANSPORT };
    // nobody listens to what its pods do
    let (events, _) = unbounded_channel();
    let options =
        Options { real_way_back: Some(Duration::ZERO), ..Options::new(vec![function], node, Seed(0), *clock) };
    let platform = Embedded::on(options, events)?;
    let plan = RequestPlan { timeout: Some(TIMEOUT), ..RequestPlan::default() };
    // the platform's own address can always be called
    let Ok(request) = Prepared::new(&platform.invoke_uri(FunctionId::STUDIED, "")?, &plan) else {
        return Ok(Duration::ZERO);
    };
    let mut caller = Client::new(Engine::default(), *clock, Arc::new(request));
    let mut taken = Vec::with_capacity(REQUESTS);
    for number in 0..UNCOUNTED + REQUESTS {
        let exchange = caller.exchange(clock.now()).await;
        if number >= UNCOUNTED && exchange.answer.is_ok() {
            taken.push((exchange.done - exchange.sent).saturating_sub(WAIT + TRANSPORT));
        }
    }
    taken.sort_unstable();
    Ok(percentile(&taken, 50.0).unwrap_or_default())
}
