//! What real HTTP takes on top of what a model says: generator, loopback, gateway and the threads between them.
//!
//! A request to the embedded platform makes its way through all of these, whatever the model says. The model's transport stands for
//! the hand-overs between the programs of a real installation, of which these are some; so the platform is given that much less of it,
//! and what a client measures is what the model says. Measured, and not assumed: it is three times as much on a busy guest as on an
//! idle one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::clock::Clock;
use super::load::{Client, Engine, Prepared};
use super::target::embedded::Embedded;
use super::target::platform::Way;
use super::target::{Target, TargetError};
use crate::drive::{FunctionPlan, Handler, RequestPlan};
use crate::model::{FunctionModel, NodeModel, Work};
use crate::policy::FunctionInfo;
use crate::random::Seed;
use crate::record::FunctionId;
use crate::stats::percentile::percentile;

/// How long the function that is asked waits: as long as between two requests of a usual load, so that threads sleep as they do there.
const WAIT: Duration = Duration::from_millis(4);

/// How long nothing happens before one that dials: probes come seconds apart, and after some ten milliseconds threads, caches and cores
/// have fallen asleep as far as they do. It takes 0.1 to 0.2 ms longer then.
const REST: Duration = Duration::from_millis(20);

/// Requests of either kind that are counted; the median of so many is steady to some per cent.
const REQUESTS: usize = 24;

/// Those before, of either kind: they touch memory for the first time.
const UNCOUNTED: usize = 3;

/// Nothing takes longer than this but a host that stands still.
const TIMEOUT: Duration = Duration::from_secs(1);

/// What an exchange takes on top of what the model says: asks a platform of its own some fifty times for a function that waits and does
/// nothing else, and takes the medians of what came on top of the wait. Takes less than a second. Zero if not one request was answered.
///
/// # Errors
/// When the system gives no ports or threads.
pub async fn toll(clock: &Clock) -> Result<Way, TargetError> {
    let function = FunctionPlan {
        info: FunctionInfo { name: "toll".to_owned(), ..FunctionInfo::default() },
        handler: Handler::Plain,
        model: FunctionModel { cpu: Work::NONE, wait: Work { mean: WAIT, cv: 0.0 }, ..FunctionModel::default() },
        query: String::new(),
        replicas: 1,
        bounds: (1, 1),
    };
    let node = NodeModel { cores: 1, gateway_cpu: Work::NONE, transport: Duration::ZERO };
    // nobody listens to what its pods do
    let (events, _) = unbounded_channel();
    let platform = Embedded::start(&[function], node, Seed(0), *clock, events)?;
    let plan = RequestPlan { timeout: Some(TIMEOUT), ..RequestPlan::default() };
    // the platform's own address can always be called
    let Ok(request) = Prepared::new(&platform.invoke_uri(FunctionId::STUDIED, "")?, &plan) else {
        return Ok(Way::default());
    };
    let request = Arc::new(request);
    let dials = || Client::new(Engine::default(), *clock, Arc::clone(&request));
    let mut caller = dials();
    let (mut kept, mut dialled) = (Vec::with_capacity(REQUESTS), Vec::with_capacity(REQUESTS));
    for number in 0..UNCOUNTED + REQUESTS {
        for (client, taken, rest) in [(&mut caller, &mut kept, Duration::ZERO), (&mut dials(), &mut dialled, REST)] {
            clock.sleep_until(clock.now() + rest).await;
            let exchange = client.exchange(clock.now()).await;
            if number >= UNCOUNTED && exchange.answer.is_ok() {
                taken.push((exchange.done - exchange.sent).saturating_sub(WAIT));
            }
        }
    }
    Ok(Way { kept: median(kept), dialled: median(dialled) })
}

fn median(mut taken: Vec<Duration>) -> Duration {
    taken.sort_unstable();
    percentile(&taken, 50.0).unwrap_or_default()
}
