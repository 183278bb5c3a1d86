//! A stand-in for a Kubernetes API server, on a free port of loopback: as much of it as a run meets, by the real rules.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use watchtower::drive::live::target::kubernetes::MARK;

use super::super::listener::Listener;
use super::super::points::{Call, Calls, Moment, Then};
use super::jobs;
use super::ledger::Ledger;
use super::store::{Answer, Change, Objects, Store, conflict, key, missing, status};

/// The token that is let in, and what others that are begin with; it must turn up nowhere.
pub(super) const TOKEN: &str = "canary-token-77c1d0";

/// What goes wrong.
#[expect(clippy::struct_excessive_bools, reason = "each goes wrong by itself, beside any other")]
#[derive(Clone, Default)]
pub(super) struct Weather {
    /// Every connection is closed at once.
    pub(super) down: bool,
    /// No token is good any more.
    pub(super) expired: bool,
    /// These are good no longer.
    pub(super) revoked: BTreeSet<String>,
    /// Whoever comes has shown a certificate to the door in front, and needs no token.
    pub(super) certified: bool,
    /// Every so manyth write is answered as if somebody else had been faster.
    pub(super) conflict_every: Option<u32>,
    /// What is not allowed: `verb resource`, such as `patch deployments` or `update deployments/scale`.
    pub(super) denied: BTreeSet<String>,
    /// The same, where whoever asks beforehand is told that it is allowed.
    pub(super) refused: BTreeSet<String>,
    /// Watches stay open and tell nothing.
    pub(super) silent: bool,
    /// Versions below this one are forgotten.
    pub(super) compacted: u64,
    /// Pods never become ready.
    pub(super) never_ready: bool,
    /// Before each answer.
    pub(super) slow: Duration,
}

pub(super) struct Shared {
    pub(super) store: Store,
    ledger: Mutex<Ledger>,
    weather: Mutex<Weather>,
    calls: Calls,
    writes: Mutex<u32>,
    open: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
}

/// The server. It ends when it is dropped.
pub(super) struct Api {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    _listener: Listener,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Api {
    pub(super) fn start() -> Self {
        let shared = Arc::new(Shared {
            store: Store::default(),
            ledger: Mutex::default(),
            weather: Mutex::default(),
            calls: Calls::default(),
            writes: Mutex::default(),
            open: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let (serving, controlling) = (Arc::clone(&shared), Arc::clone(&shared));
        let listener = Listener::start(move |stream| {
            if !locked(&serving.weather).down {
                locked(&serving.open).extend(stream.try_clone());
                serve(&serving, stream);
            }
        });
        thread::spawn(move || {
            while !controlling.is_over.load(Ordering::Relaxed) {
                let never_ready = locked(&controlling.weather).never_ready;
                controlling.store.reconcile(never_ready);
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { address: listener.address, shared, _listener: listener }
    }

    pub(super) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub(super) fn weather(&self, change: impl FnOnce(&mut Weather)) {
        let mut weather = locked(&self.shared.weather);
        change(&mut weather);
        let is_down = weather.down;
        drop(weather);
        if is_down {
            self.cut_all();
        }
    }

    /// Breaks every connection there is.
    pub(super) fn cut_all(&self) {
        for stream in locked(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Who led, and who scaled.
    pub(super) fn ledger(&self) -> Ledger {
        locked(&self.shared.ledger).clone()
    }

    /// What befalls whoever calls, and all calls so far.
    pub(super) fn points(&self) -> &Calls {
        &self.shared.calls
    }

    /// All calls so far, such as `GET /apis/...`.
    pub(super) fn calls(&self) -> Vec<String> {
        self.shared.calls.seen()
    }

    pub(super) fn deployment(&self, namespace: &str, name: &str) -> Value {
        self.store().lock().all.get(&key("deployments", namespace, name)).cloned().unwrap_or_default()
    }

    pub(super) fn replicas(&self, namespace: &str, name: &str) -> u64 {
        self.deployment(namespace, name)["spec"]["replicas"].as_u64().expect("a deployment")
    }

    /// Leases there are, with their holders.
    pub(super) fn leases(&self) -> Vec<(String, String)> {
        let objects = self.store().lock();
        let leases = objects.all.iter().filter(|((resource, ..), _)| resource == "leases");
        leases.map(|((.., name), lease)| (name.clone(), lease["spec"]["holderIdentity"].to_string())).collect()
    }

    /// Lets every Lease that there is last for so long only, as a holder that says so would.
    pub(super) fn leases_last(&self, secs: u32) {
        let mut objects = self.store().lock();
        let keys: Vec<_> = objects.all.keys().filter(|(resource, ..)| resource == "leases").cloned().collect();
        for key in keys {
            let mut lease = objects.all.get(&key).cloned().expect("a Lease");
            lease["spec"]["leaseDurationSeconds"] = json!(secs);
            objects.put(&key, lease);
        }
    }

    /// Writes the annotation of this program's as somebody else would.
    pub(super) fn annotate(&self, namespace: &str, name: &str, note: &str) {
        let mut objects = self.store().lock();
        let key = key("deployments", namespace, name);
        let mut deployment = objects.all.get(&key).cloned().expect("a deployment");
        deployment["metadata"]["annotations"][MARK] = json!(note);
        objects.put(&key, deployment);
    }

    /// Sets replicas as somebody else would.
    pub(super) fn scale(&self, namespace: &str, name: &str, replicas: u32) {
        let mut objects = self.store().lock();
        let key = key("deployments", namespace, name);
        let mut deployment = objects.all.get(&key).cloned().expect("a deployment");
        deployment["spec"]["replicas"] = json!(replicas);
        objects.put(&key, deployment);
        drop(objects);
        self.store().changed.notify_all();
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.cut_all();
    }
}

pub(super) struct Request {
    method: String,
    path: String,
    query: String,
    kind: String,
    authorization: Option<String>,
    body: Vec<u8>,
}

impl Request {
    /// One that comes by no connection.
    pub(super) fn by_hand(method: &str, path: &str, kind: &str, body: &Value) -> Self {
        let (method, path, kind, body) = (method.into(), path.into(), kind.into(), body.to_string().into_bytes());
        Self { method, path, query: String::new(), kind, authorization: None, body }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut first = String::new();
    if reader.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (mut length, mut kind, mut authorization) = (0, String::new(), None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "content-type" => value.trim().clone_into(&mut kind),
            "authorization" => authorization = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), kind, authorization, body })
}

fn serve(shared: &Arc<Shared>, stream: TcpStream) {
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let call = shared.calls.comes(format!("{} {}", request.method, request.path));
        let went_on = answer(shared, &request, &mut writer, &call);
        if !matches!(went_on, Ok(Then::GoOn)) {
            break;
        }
    }
    // others hold it too
    let _ = writer.shutdown(Shutdown::Both);
}

fn answer(shared: &Arc<Shared>, request: &Request, writer: &mut TcpStream, call: &Call<'_>) -> io::Result<Then> {
    if call.at(Moment::Before) == Then::Cut {
        return Ok(Then::Cut);
    }
    let weather = locked(&shared.weather).clone();
    thread::sleep(weather.slow);
    if request.query.contains("watch=true")
        && let Some(refused) = refused(&weather, request, "watch")
    {
        return written(writer, refused, call);
    }
    if request.query.contains("watch=true") {
        return watch(shared, request, writer, call);
    }
    let verb = match request.method.as_str() {
        "GET" if place(&request.path).is_some_and(|(_, name, _)| name.is_empty()) => "list",
        "GET" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        _ => "delete",
    };
    if let Some((_, pod, namespace)) = place(&request.path).filter(|(resource, ..)| resource == "pods/log")
        && refused(&weather, request, verb).is_none()
    {
        return jobs::log(&shared.store, namespace, pod, writer, call);
    }
    let answer = refused(&weather, request, verb).unwrap_or_else(|| decided(shared, &weather, request));
    shared.store.changed.notify_all();
    written(writer, answer, call)
}

pub(super) fn written(writer: &mut TcpStream, (code, body): Answer, call: &Call<'_>) -> io::Result<Then> {
    let body = body.to_string();
    let head = format!("HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    call.answer(writer, format!("{head}{body}").as_bytes())
}

/// Who is not let in, and what is not allowed.
fn refused(weather: &Weather, request: &Request, verb: &str) -> Option<Answer> {
    let is_let_in = request.authorization.as_deref().is_some_and(|given| {
        let token = given.strip_prefix("Bearer ").unwrap_or_default();
        (token.starts_with(TOKEN) && !weather.revoked.contains(token))
            || given.strip_prefix("Basic ") == Some(&STANDARD.encode(format!("tester:{TOKEN}")))
    });
    if weather.expired || !(is_let_in || weather.certified) {
        return Some(status(401, "Unauthorized", "Unauthorized"));
    }
    let (resource, name, namespace) = place(&request.path)?;
    let right = format!("{verb} {resource}");
    if weather.denied.contains(&right) || weather.refused.contains(&right) {
        let message = format!(
            "{resource} \"{name}\" is forbidden: User \"watchtower\" cannot {verb} resource \"{resource}\" in the namespace \"{namespace}\""
        );
        return Some(status(403, "Forbidden", &message));
    }
    None
}

/// Resource (with its subresource), name and namespace of a path.
fn place(path: &str) -> Option<(String, &str, &str)> {
    let (_, rest) = path.split_once("/namespaces/")?;
    let mut parts = rest.split('/');
    let (namespace, resource) = (parts.next()?, parts.next()?);
    let name = parts.next().unwrap_or_default();
    let resource = parts.next().map_or_else(|| resource.to_owned(), |sub| format!("{resource}/{sub}"));
    Some((resource, name, namespace))
}

fn decided(shared: &Shared, weather: &Weather, request: &Request) -> Answer {
    if request.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" && request.method == "POST" {
        let mut review: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let wanted = &review["spec"]["resourceAttributes"];
        let text = |name: &str| wanted[name].as_str().unwrap_or_default().to_owned();
        let slash = if text("subresource").is_empty() { "" } else { "/" };
        let right = format!("{} {}{slash}{}", text("verb"), text("resource"), text("subresource"));
        review["status"] = json!({ "allowed": !weather.denied.contains(&right) });
        return (201, review);
    }
    let Some((resource, name, _)) = place(&request.path) else {
        return status(404, "NotFound", "the server could not find the requested resource");
    };
    if request.method != "GET" {
        let mut writes = locked(&shared.writes);
        *writes += 1;
        if weather.conflict_every.is_some_and(|every| writes.is_multiple_of(every)) && request.method != "POST" {
            return conflict(resource.split('/').next().unwrap_or_default(), name);
        }
    }
    let mut objects = shared.store.lock();
    let answer = carried_out(&mut objects, request);
    // before anything else can happen
    let token = request.authorization.as_deref().and_then(|given| given.strip_prefix("Bearer ")).unwrap_or_default();
    locked(&shared.ledger).note(token, (&request.method, &resource), &answer);
    answer
}

/// What the cluster makes of a request that is let in.
pub(super) fn carried_out(objects: &mut Objects, request: &Request) -> Answer {
    let Some((resource, name, namespace)) = place(&request.path) else {
        return status(404, "NotFound", "the server could not find the requested resource");
    };
    let body = || serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    if request.method != "GET" || !name.is_empty() {
        let wanted = (resource.as_str(), namespace, name);
        if let Some(answer) = jobs::decided(objects, &request.method, wanted, body()) {
            return answer;
        }
    }
    match (request.method.as_str(), resource.as_str()) {
        ("GET", "deployments" | "leases" | "events" | "pods") if name.is_empty() => {
            list(objects, &resource, namespace, request)
        }
        ("GET", "deployments" | "leases" | "events") => {
            let found = objects.all.get(&key(&resource, namespace, name)).cloned();
            found.map_or_else(|| missing(&resource, name), |object| (200, object))
        }
        ("GET", "deployments/scale") => {
            let found = objects.all.get(&key("deployments", namespace, name));
            found.map_or_else(|| missing("deployments", name), |object| (200, scale_of(object)))
        }
        ("PUT", "deployments/scale") if request.kind == "application/json" => {
            let wished = body();
            set_scale(objects, namespace, name, &wished)
        }
        ("PATCH", "deployments" | "deployments/scale") => {
            if !["application/merge-patch+json", "application/strategic-merge-patch+json"]
                .contains(&request.kind.as_str())
            {
                return status(415, "UnsupportedMediaType", "415: Unsupported Media Type");
            }
            if resource == "deployments/scale" {
                return set_scale(objects, namespace, name, &body());
            }
            patch(objects, namespace, name, &body())
        }
        ("POST", "leases") => {
            let mut lease = body();
            let name = lease["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let key = key("leases", namespace, &name);
            if objects.all.contains_key(&key) {
                let message = format!("leases.coordination.k8s.io \"{name}\" already exists");
                return status(409, "AlreadyExists", &message);
            }
            lease["metadata"]["uid"] = json!(format!("uid-{}", objects.version));
            (201, objects.put(&key, lease))
        }
        ("PUT", "leases") => {
            let key = key("leases", namespace, name);
            let mut lease = body();
            let Some(before) = objects.all.get(&key) else { return missing("leases", name) };
            if lease["metadata"]["resourceVersion"].as_str().is_none_or(str::is_empty) {
                let message = format!(
                    "leases.coordination.k8s.io \"{name}\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"
                );
                return status(422, "Invalid", &message);
            }
            if !Objects::is_current(before, &lease["metadata"]["resourceVersion"]) {
                return conflict("leases", name);
            }
            lease["metadata"]["uid"] = before["metadata"]["uid"].clone();
            (200, objects.put(&key, lease))
        }
        ("DELETE", "leases") => {
            let key = key("leases", namespace, name);
            let Some(before) = objects.all.get(&key) else { return missing("leases", name) };
            let only = &body()["preconditions"];
            if !Objects::is_current(before, &only["resourceVersion"]) {
                return conflict("leases", name);
            }
            objects.remove(&key);
            (200, json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" }))
        }
        ("PUT", _) => status(415, "UnsupportedMediaType", "415: Unsupported Media Type"),
        _ => status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
    }
}

fn scale_of(deployment: &Value) -> Value {
    let meta = &deployment["metadata"];
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
        },
        "spec": { "replicas": deployment["spec"]["replicas"] },
        "status": { "replicas": deployment["status"]["replicas"], "selector": "faas_function=ftest" },
    })
}

fn set_scale(objects: &mut Objects, namespace: &str, name: &str, wished: &Value) -> Answer {
    let key = key("deployments", namespace, name);
    let Some(mut deployment) = objects.all.get(&key).cloned() else { return missing("deployments", name) };
    let replicas = wished["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        let message = format!(
            "Scale.autoscaling \"{name}\" is invalid: spec.replicas: Invalid value: {replicas}: must be greater than or equal to 0"
        );
        return status(422, "Invalid", &message);
    }
    if !Objects::is_current(&deployment, &wished["metadata"]["resourceVersion"]) {
        return conflict("deployments", name);
    }
    deployment["spec"]["replicas"] = json!(replicas);
    (200, scale_of(&objects.put(&key, deployment)))
}

fn patch(objects: &mut Objects, namespace: &str, name: &str, change: &Value) -> Answer {
    let key = key("deployments", namespace, name);
    let Some(mut deployment) = objects.all.get(&key).cloned() else { return missing("deployments", name) };
    if !Objects::is_current(&deployment, &change["metadata"]["resourceVersion"]) {
        return conflict("deployments", name);
    }
    merge(&mut deployment, change);
    (200, objects.put(&key, deployment))
}

/// RFC 7396.
fn merge(object: &mut Value, change: &Value) {
    let Value::Object(changes) = change else {
        *object = change.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (name, value) in changes {
        if value.is_null() {
            if let Some(fields) = object.as_object_mut() {
                fields.remove(name);
            }
        } else {
            merge(&mut object[name], value);
        }
    }
}

fn is_selected(object: &Value, request: &Request) -> bool {
    let name = request.query.split('&').find_map(|part| part.strip_prefix("fieldSelector=metadata.name%3D"));
    name.is_none_or(|name| object["metadata"]["name"] == name) && jobs::is_labelled(object, &request.query)
}

fn list(objects: &Objects, resource: &str, namespace: &str, request: &Request) -> Answer {
    let here =
        objects.all.iter().filter(|((kind, place, _), _)| (kind.as_str(), place.as_str()) == (resource, namespace));
    let items: Vec<&Value> = here.map(|(_, object)| object).filter(|object| is_selected(object, request)).collect();
    (200, json!({ "kind": "List", "metadata": { "resourceVersion": objects.version.to_string() }, "items": items }))
}

/// A stream of changes, cut into chunks in odd places.
fn watch(shared: &Shared, request: &Request, writer: &mut TcpStream, call: &Call<'_>) -> io::Result<Then> {
    let number = |name: &str| {
        request.query.split('&').find_map(|part| part.strip_prefix(name)).and_then(|value| value.parse::<u64>().ok())
    };
    let mut version = number("resourceVersion=").unwrap_or(0);
    let ends = Instant::now() + Duration::from_secs(number("timeoutSeconds=").unwrap_or(300));
    let Some((resource, _, namespace)) = place(&request.path) else { return Ok(Then::Cut) };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    writer.write_all(head.as_bytes())?;
    if call.at(Moment::During) == Then::Cut || call.at(Moment::After) == Then::Cut {
        return Ok(Then::Cut);
    }
    if version < locked(&shared.weather).compacted {
        let (_, gone) = status(410, "Expired", &format!("too old resource version: {version}"));
        chunked(writer, &json!({ "type": "ERROR", "object": gone }))?;
        writer.write_all(b"0\r\n\r\n")?;
        return Ok(Then::GoOn);
    }
    let mut bookmark = Instant::now() + Duration::from_secs(1);
    while Instant::now() < ends {
        let objects = shared.store.lock();
        let mut news: Vec<Change> = objects.changes.iter().filter(|change| change.version > version).cloned().collect();
        let newest = objects.version;
        if news.is_empty() {
            drop(shared.store.changed.wait_timeout(objects, Duration::from_millis(50)));
        } else {
            drop(objects);
        }
        if locked(&shared.weather).silent {
            // as if the connection led nowhere
            thread::sleep(Duration::from_millis(20));
            continue;
        }
        news.retain(|change| {
            (change.key.0.as_str(), change.key.1.as_str()) == (resource.as_str(), namespace)
                && is_selected(&change.object, request)
        });
        for change in &news {
            chunked(writer, &json!({ "type": change.what, "object": change.object }))?;
        }
        version = version.max(newest);
        if Instant::now() >= bookmark {
            bookmark += Duration::from_secs(1);
            let mark = json!({ "kind": "Bookmark", "apiVersion": "v1", "metadata": { "resourceVersion": version.to_string() } });
            chunked(writer, &json!({ "type": "BOOKMARK", "object": mark }))?;
        }
    }
    writer.write_all(b"0\r\n\r\n")?;
    Ok(Then::GoOn)
}

fn chunked(writer: &mut TcpStream, event: &Value) -> io::Result<()> {
    chunk(writer, format!("{event}\n").as_bytes())
}

/// Bytes in chunks that end anywhere.
pub(super) fn chunk(writer: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    // primes, so that no end of a line is the end of a chunk for long
    let mut sizes = [1_usize, 7, 13, 101, 3].into_iter().cycle();
    let mut rest = bytes;
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(1).min(rest.len());
        let (chunk, more) = rest.split_at(size);
        writer.write_all(format!("{size:x}\r\n").as_bytes())?;
        writer.write_all(chunk)?;
        writer.write_all(b"\r\n")?;
        rest = more;
    }
    writer.flush()
}
