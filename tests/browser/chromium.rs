//! A real Chromium, driven as a person would: it clicks, types and looks. Both programs end with the test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use enabler_sim_servers::{Leashed, Place};
use serde_json::{Value, json};

use crate::node::POLL;

/// How long anything on the page is waited for before it is called stuck.
const STUCK_AFTER: Duration = Duration::from_secs(90);
/// How long the browser may take to start.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// What keeps it from talking to anybody but the node, and from needing a screen or a user.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
];
/// How WebDriver calls a found element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A window on the page.
pub(super) struct Browser {
    http: reqwest::Client,
    session: String,
    pictures: PathBuf,
    _driver: Leashed,
    _chromium: Leashed,
}

impl Browser {
    /// Starts Chromium; nothing, and a line that says so, where it is not installed.
    pub(super) async fn open() -> Option<Self> {
        for program in ["chromium", "chromedriver"] {
            let found = tokio::process::Command::new(program).arg("--version").output().await;
            if !found.is_ok_and(|output| output.status.success()) {
                eprintln!("skipped: {program} is not installed; deploy/setup.sh installs it");
                return None;
            }
        }
        let (place, driver_place) = (Place::new_own().unwrap(), Place::new_own().unwrap());
        let profile = place.path().join("profile");
        let mut words = vec!["chromium".to_owned(), format!("--user-data-dir={}", profile.display())];
        words.extend(FLAGS.map(str::to_owned));
        let chromium = Leashed::start(&words, &place, &place.log(), |_| {}).unwrap();
        let driver_words = ["chromedriver".to_owned(), "--port=0".to_owned()];
        let driver = Leashed::start(&driver_words, &driver_place, &driver_place.log(), |_| {}).unwrap();

        let debugger =
            started(&profile.join("DevToolsActivePort"), |text| Some(text.lines().next()?.to_owned())).await;
        let port = started(&driver_place.log(), |text| {
            let (_, rest) = text.split_once("started successfully on port ")?;
            rest.split_once('.').map(|(port, _)| port.to_owned())
        })
        .await;
        let http = reqwest::Client::builder().no_proxy().timeout(STUCK_AFTER).build().unwrap();
        let pictures = std::env::temp_dir().join("rag-enabler-operator-page");
        std::fs::create_dir_all(&pictures).unwrap();
        let base = format!("http://127.0.0.1:{port}/session");
        let wish = json!({ "browserName": "chrome", "timeouts": { "script": 120_000 },
                           "goog:chromeOptions": { "debuggerAddress": format!("127.0.0.1:{debugger}") } });
        let made =
            say(&http, &base, Some(&json!({ "capabilities": { "alwaysMatch": wish } }))).await.unwrap();
        let session = format!("{base}/{}", made["sessionId"].as_str().unwrap());
        Some(Self { http, session, pictures, _driver: driver, _chromium: chromium })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        say(&self.http, &format!("{}/{path}", self.session), Some(body)).await
    }

    /// Makes the window as large as that of a desk or of a telephone.
    pub(super) async fn size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.post("goog/cdp/execute", &command).await.unwrap();
    }

    /// Opens an address.
    pub(super) async fn visit(&self, url: &str) {
        self.post("url", &json!({ "url": url })).await.unwrap();
    }

    /// Runs a script, which may await, and gives what it returns.
    pub(super) async fn script(&self, script: &str) -> Value {
        let whole = format!(
            "const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then(done, error => done({{ error: String(error) }}))"
        );
        self.post("execute/async", &json!({ "script": whole, "args": [] })).await.unwrap()
    }

    async fn find(&self, css: &str) -> Result<String, String> {
        let found = self.post("element", &json!({ "using": "css selector", "value": css })).await?;
        Ok(found[ELEMENT].as_str().unwrap_or_default().to_owned())
    }

    /// Clicks what `css` finds, as soon as it can be clicked.
    pub(super) async fn click(&self, css: &str) {
        // The page may draw an element anew between finding and clicking it.
        self.until(&format!("{css} can be clicked"), async || match self.find(css).await {
            Ok(element) => self.post(&format!("element/{element}/click"), &json!({})).await.is_ok(),
            Err(_) => false,
        })
        .await;
    }

    /// Types into what `css` finds.
    pub(super) async fn type_in(&self, css: &str, text: &str) {
        self.until(&format!("{css} can be typed in"), async || match self.find(css).await {
            Ok(element) => {
                self.post(&format!("element/{element}/value"), &json!({ "text": text })).await.is_ok()
            }
            Err(_) => false,
        })
        .await;
    }

    /// Presses keys wherever the focus is.
    pub(super) async fn press(&self, keys: &str) {
        let press = |key: char| {
            [
                json!({ "type": "keyDown", "value": key.to_string() }),
                json!({ "type": "keyUp", "value": key.to_string() }),
            ]
        };
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        let source = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("actions", &json!({ "actions": [source] })).await.unwrap();
    }

    /// Waits until `script` returns something true, and gives it.
    pub(super) async fn sees(&self, what: &str, script: &str) -> Value {
        let wait = async {
            loop {
                let seen = self.script(script).await;
                if is_true(&seen) {
                    return seen;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        match tokio::time::timeout(STUCK_AFTER, wait).await {
            Ok(seen) => seen,
            Err(_) => {
                let picture = self.picture("stuck").await;
                let text = self.script("return document.body.innerText").await;
                panic!(
                    "never seen: {what}; {} shows\n{}",
                    picture.display(),
                    text.as_str().unwrap_or_default()
                );
            }
        }
    }

    /// Waits until the page, or the part of it that `css` finds, has this text.
    pub(super) async fn reads(&self, css: &str, text: &str) {
        let (css, text) = (json!(css), json!(text));
        let script = format!(
            "return [...document.querySelectorAll({css})].some(one => one.innerText.includes({text}))"
        );
        self.sees(&format!("{text} in {css}"), &script).await;
    }

    async fn until(&self, what: &str, mut met: impl AsyncFnMut() -> bool) {
        let wait = async {
            while !met().await {
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(STUCK_AFTER, wait).await.is_err() {
            panic!("it never came to this: {what}; {} shows why", self.picture("stuck").await.display());
        }
    }

    /// Keeps a picture of the window, for people to look at.
    pub(super) async fn picture(&self, name: &str) -> PathBuf {
        let taken = say(&self.http, &format!("{}/screenshot", self.session), None).await.unwrap();
        let bytes = STANDARD.decode(taken.as_str().unwrap_or_default()).unwrap();
        let path = self.pictures.join(format!("{name}.png"));
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => value.get("error").is_none(),
    }
}

/// Sends one command of WebDriver.
///
/// Source: W3C WebDriver, section 6 (protocol).
async fn say(http: &reqwest::Client, url: &str, body: Option<&Value>) -> Result<Value, String> {
    let request = match body {
        Some(body) => http.post(url).json(body),
        None => http.get(url),
    };
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let is_done = answer.status().is_success();
    let mut told: Value = answer.json().await.map_err(|error| error.to_string())?;
    let value = told["value"].take();
    if is_done { Ok(value) } else { Err(format!("{}: {}", value["error"], value["message"])) }
}

/// What a program writes once it is there.
async fn started(file: &Path, find: impl Fn(&str) -> Option<String>) -> String {
    let wait = async {
        loop {
            if let Some(found) = std::fs::read_to_string(file).ok().and_then(|text| find(&text)) {
                return found;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let found = tokio::time::timeout(START_TIME_MAX, wait).await;
    found.unwrap_or_else(|_| panic!("nothing was written to {}", file.display()))
}
