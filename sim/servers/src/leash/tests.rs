use std::time::Duration;

use super::*;

fn words(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

async fn until(mut met: impl FnMut() -> bool) -> bool {
    for _ in 0..500 {
        if met() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn what_is_dropped_ends_and_takes_its_folder_along() {
    let place = Place::new_own().unwrap();
    let process = Leashed::start(&words("exec sleep 600"), &place, &place.log(), |_| {}).unwrap();
    let pid = process.pid().unwrap();
    assert!(place.path().is_dir());
    drop(process);
    assert!(until(|| !place.path().exists()).await, "the folder stays");
    // Whoever started it collects it in its own time.
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(until(|| state().is_empty() || state().contains(") Z ")).await, "it runs on: {}", state());
}

#[tokio::test]
async fn what_is_killed_or_ends_leaves_its_folder_and_its_words() {
    let place = Place::new_own().unwrap();
    let start = |script: &str| Leashed::start(&words(script), &place, &place.log(), |_| {}).unwrap();
    let mut process = start("echo eu disse; exec sleep 600");
    let said = || std::fs::read_to_string(place.log()).unwrap_or_default();
    assert!(until(|| said().contains("eu disse")).await);
    process.signal(Signal::STOP).unwrap();
    process.kill().await.unwrap();
    assert_eq!(process.pid(), None);
    drop(process);
    let mut process = start("echo outra vez; exit 3");
    assert_eq!(process.wait().await.unwrap().code(), Some(3));
    assert_eq!(process.ended().await.unwrap().and_then(|status| status.code()), Some(3));
    drop(process);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(last_lines(&place.log()), "eu disse\noutra vez");
    std::fs::remove_dir_all(place.path()).unwrap();
}

#[tokio::test]
async fn what_belongs_to_a_process_that_was_killed_ends_too() {
    // The starter holds the other end of the watcher's input, as a simulator does.
    let mut starter = Command::new("sleep").arg("600").stdout(Stdio::piped()).spawn().unwrap();
    let input: Stdio = starter.stdout.take().unwrap().try_into().unwrap();
    let mut command = Command::new("sh");
    let mut inner = command.args(["-c", LEASH, "sh", "", "sleep", "600"]).stdin(input).spawn().unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(300), inner.wait()).await.is_err());
    starter.kill().await.unwrap();
    let status =
        tokio::time::timeout(Duration::from_secs(10), inner.wait()).await.expect("it runs on").unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}
