//! Jobs of the stand-in's cluster: objects as the API server keeps them, a controller that starts each index as a real process on this
//! machine, and the processes' output as the pods' logs.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::super::points::{Call, Moment, Then};
use super::api::{Api, chunk, written};
use super::store::{Answer, Objects, Store, key, missing, status};

/// Where a pod of the stand-in keeps what it said.
const LOG: &str = "stand-in/log";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// What is done with Jobs, `ConfigMap`s and pods; `None` for other resources.
pub(super) fn decided(
    objects: &mut Objects,
    method: &str,
    (resource, namespace, name): (&str, &str, &str),
    mut body: Value,
) -> Option<Answer> {
    if !["jobs", "configmaps", "pods"].contains(&resource) {
        return None;
    }
    let found = key(resource, namespace, name);
    Some(match method {
        "POST" => {
            let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let place = key(resource, namespace, &name);
            if objects.all.contains_key(&place) {
                return Some(status(409, "AlreadyExists", &format!("{resource} \"{name}\" already exists")));
            }
            body["metadata"]["uid"] = json!(format!("uid-{}", objects.version));
            (201, objects.put(&place, body))
        }
        "GET" => match objects.all.get(&found) {
            Some(object) => (200, object.clone()),
            None => missing(resource, name),
        },
        "DELETE" => match objects.all.get(&found).cloned() {
            None => missing(resource, name),
            Some(mut object) if body["propagationPolicy"] == "Foreground" => {
                object["metadata"]["deletionTimestamp"] = json!("2026-11-29T20:00:00Z");
                object["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
                (200, objects.put(&found, object))
            }
            Some(_) => {
                objects.remove(&found);
                (200, json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" }))
            }
        },
        _ => status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
    })
}

/// Whether an object has the label that a list asks for.
pub(super) fn is_labelled(object: &Value, query: &str) -> bool {
    let wanted = query.split('&').find_map(|part| part.strip_prefix("labelSelector=watchtower%2Fload%3D"));
    wanted.is_none_or(|job| object["metadata"]["labels"]["watchtower/load"] == job)
}

/// Jobs whose pods are gone are gone too; what a garbage collector does.
pub(super) fn collect(objects: &mut Objects) {
    let is_leaving = |object: &Value| !object["metadata"]["deletionTimestamp"].is_null();
    let jobs: Vec<_> = objects
        .all
        .iter()
        .filter(|((kind, ..), job)| kind == "jobs" && is_leaving(job))
        .map(|(key, _)| key.clone())
        .collect();
    for job in jobs {
        let has_pods = objects
            .all
            .iter()
            .any(|((kind, ..), pod)| kind == "pods" && pod["metadata"]["labels"]["watchtower/load"] == *job.2);
        if !has_pods {
            objects.remove(&job);
        }
    }
}

/// Writes what a pod has said and says, until it is over or gone.
pub(super) fn log(
    store: &Store,
    namespace: &str,
    name: &str,
    writer: &mut TcpStream,
    call: &Call<'_>,
) -> io::Result<Then> {
    let pod = || store.lock().all.get(&key("pods", namespace, name)).cloned();
    let Some(file) = pod().and_then(|pod| pod["metadata"]["annotations"][LOG].as_str().map(PathBuf::from)) else {
        return written(writer, missing("pods", name), call);
    };
    writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut file = File::open(file)?;
    let mut is_begun = false;
    loop {
        // before it is read: what is said until then is in it
        let is_over = pod().is_none_or(|pod| pod["status"]["phase"] != "Running");
        let mut said = Vec::new();
        file.read_to_end(&mut said)?;
        if !said.is_empty() {
            let (first, rest) = said.split_at(said.len() / 2);
            chunk(writer, first)?;
            if !std::mem::replace(&mut is_begun, true) && call.at(Moment::During) == Then::Cut {
                return Ok(Then::Cut);
            }
            chunk(writer, rest)?;
        }
        if is_over {
            writer.write_all(b"0\r\n\r\n")?;
            return Ok(call.at(Moment::After));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The Job controller, with nodes that are this machine.
pub(super) struct Controller {
    is_over: Arc<AtomicBool>,
    pods: Arc<Mutex<Vec<Running>>>,
    thread: Option<JoinHandle<()>>,
}

struct Running {
    job: String,
    namespace: String,
    name: String,
    index: u32,
    child: Child,
}

impl Controller {
    /// Starts pods of the Jobs in a store, in folders below `folder`.
    pub(super) fn start(api: &Api, folder: &Path) -> Self {
        let (is_over, pods) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (over, all, shared, folder) = (Arc::clone(&is_over), Arc::clone(&pods), api.shared(), folder.to_owned());
        let thread = thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                turn(&shared.store, &folder, &mut all.lock().unwrap_or_else(PoisonError::into_inner));
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { is_over, pods, thread: Some(thread) }
    }

    /// Sends a signal to the pod of an index; whether there was one.
    pub(super) fn signal(&self, index: u32, signal: Signal) -> bool {
        let pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        let pod = pods.iter().find(|pod| pod.index == index);
        pod.is_some_and(|pod| kill(pid(&pod.child), signal).is_ok())
    }

    /// How many processes there are.
    pub(super) fn count(&self) -> usize {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        for pod in self.pods.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            let _ = pod.child.kill();
            let _ = pod.child.wait();
        }
    }
}

fn turn(store: &Store, folder: &Path, running: &mut Vec<Running>) {
    let mut objects = store.lock();
    let jobs: Vec<Value> =
        objects.all.iter().filter(|((kind, ..), _)| kind == "jobs").map(|(_, job)| job.clone()).collect();
    for job in &jobs {
        let (namespace, name) = (text(&job["metadata"]["namespace"]), text(&job["metadata"]["name"]));
        let is_leaving = !job["metadata"]["deletionTimestamp"].is_null();
        if is_leaving {
            for pod in running.iter_mut().filter(|pod| pod.job == name) {
                let _ = pod.child.kill();
                let _ = pod.child.wait();
            }
            running.retain(|pod| pod.job != name);
            let pods: Vec<_> = objects
                .all
                .iter()
                .filter(|((kind, ..), pod)| kind == "pods" && pod["metadata"]["labels"]["watchtower/load"] == *name)
                .map(|(key, _)| key.clone())
                .collect();
            for pod in &pods {
                objects.remove(pod);
            }
        } else if job["status"]["active"].is_null() {
            let completions = job["spec"]["completions"].as_u64().unwrap_or(0) as u32;
            assert_eq!(job["spec"]["completionMode"], "Indexed");
            let map = objects.all.get(&key("configmaps", &namespace, &name)).cloned().unwrap_or_default();
            for index in 0..completions {
                let pod = start(job, &map, index, &folder.join(&name).join(index.to_string()));
                objects.put(&key("pods", &namespace, &pod.1.name), pod.0);
                running.push(pod.1);
            }
            let mut begun = job.clone();
            begun["status"]["active"] = json!(completions);
            objects.put(&key("jobs", &namespace, &name), begun);
        }
    }
    running.retain_mut(|pod| {
        let Ok(Some(ended)) = pod.child.try_wait() else { return true };
        let place = key("pods", &pod.namespace, &pod.name);
        if let Some(mut object) = objects.all.get(&place).cloned() {
            let code = ended.code().unwrap_or(137);
            let (phase, reason) = if code == 0 { ("Succeeded", "Completed") } else { ("Failed", "Error") };
            object["status"] = json!({ "phase": phase, "containerStatuses": [{ "name": "load", "state": {
                "terminated": { "exitCode": code, "reason": reason } } }] });
            objects.put(&place, object);
        }
        false
    });
}

/// A process by its number.
pub(super) fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().expect("a pid"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A pod of a Job and its process: what would be mounted into it lies in a folder of its own.
fn start(job: &Value, map: &Value, index: u32, folder: &Path) -> (Value, Running) {
    let (namespace, name) = (text(&job["metadata"]["namespace"]), text(&job["metadata"]["name"]));
    let template = &job["spec"]["template"];
    let container = &template["spec"]["containers"][0];
    let (scenario, work) = (folder.join("scenario"), folder.join("work"));
    fs::create_dir_all(&scenario).expect("a folder");
    fs::create_dir_all(&work).expect("a folder");
    for (file, content) in map["data"].as_object().into_iter().flatten() {
        fs::write(scenario.join(file), text(content)).expect("a file");
    }
    let there = |word: &str| {
        let mounted = [("/scenario/", &scenario), ("/work/", &work)];
        let place = mounted.iter().find_map(|(mount, folder)| Some(folder.join(word.strip_prefix(mount)?)));
        place.map_or_else(|| word.to_owned(), |place| place.display().to_string())
    };
    let args: Vec<String> = container["args"].as_array().into_iter().flatten().map(|word| there(&text(word))).collect();
    let said = folder.join("log");
    let log = File::create(&said).expect("a file");
    // a pod has nothing of the machine it is on: no home, no kubeconfig, no state
    let child = Command::new(env!("CARGO_BIN_EXE_watchtower"))
        .args(&args)
        .current_dir(&work)
        .env_clear()
        .env("JOB_COMPLETION_INDEX", index.to_string())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .spawn()
        .expect("the program starts");
    let pod = format!("{name}-{index}-x7k2p");
    let object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": pod, "namespace": namespace, "labels": template["metadata"]["labels"],
            "annotations": { INDEX: index.to_string(), LOG: said.display().to_string() },
        },
        "spec": template["spec"],
        "status": { "phase": "Running", "containerStatuses": [{ "name": "load", "state": { "running": {} } }] },
    });
    (object, Running { job: name, namespace, name: pod, index, child })
}
