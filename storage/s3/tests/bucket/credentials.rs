//! Without keys in the settings, a task's role and the environment give them; without any, the error says so.

use std::time::Duration;

use enabler_s3::Settings;
use enabler_storage::objects::{Key, ObjectStore, PutOutcome};
use tokio::process::Command;

use crate::answers::{Scripted, answer};
use crate::store::{open, server, settings};

/// Names the child process of the tests below and the server that it writes to.
const SERVER_VARIABLE: &str = "S3_TEST_AS_WHOEVER";

/// The child process of the tests below: writes as whoever its environment says, and shows who that is.
#[tokio::test]
async fn child_that_is_whoever_its_environment_says() {
    #[expect(clippy::disallowed_methods, reason = "a parent test hands the server to its child this way")]
    let Ok(url) = std::env::var(SERVER_VARIABLE) else { return };
    let nobody = Settings { access_key: None, secret_key: None, ..settings(&url) };
    let (bucket, key) = (open(nobody).await, Key::new("v1/cluster").unwrap());
    match bucket.put_new(&key, "x".into()).await {
        PutOutcome::Done(_) | PutOutcome::Exists => {
            eprintln!("link {}", bucket.presigned_get(&key, Duration::from_secs(60), None).await.unwrap());
        }
        other => eprintln!("failed {other:?}"),
    }
}

/// What the child says with these variables and no others that matter.
async fn child(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "credentials::child_that_is_whoever_its_environment_says", "--nocapture"]);
    command.env_clear().env("HOME", "/nonexistent").env(SERVER_VARIABLE, server().await.url());
    let output = command.envs(variables.iter().copied()).output().await.unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn keys_come_from_the_environment() {
    let said = child(&[("AWS_ACCESS_KEY_ID", "FROMENV"), ("AWS_SECRET_ACCESS_KEY", "hidden-secret")]).await;
    assert!(said.contains("X-Amz-Credential=FROMENV%2F"), "{said}");
    assert!(!said.contains("hidden-secret"), "{said}");
}

#[tokio::test]
async fn keys_come_from_the_role_of_the_task() {
    let role = r#"{"AccessKeyId":"FROMROLE","SecretAccessKey":"hidden-secret","Token":"hidden-token",
        "Expiration":"2099-01-01T00:00:00Z","RoleArn":"arn:aws:iam::000000000000:role/node"}"#;
    let metadata = Scripted::new([answer(200, &[("Content-Type", "application/json")], role)]).await;
    let said = child(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &metadata.url)]).await;
    assert!(said.contains("X-Amz-Credential=FROMROLE%2F"), "{said}");
    assert_eq!(metadata.heard().len(), 1, "the role is asked for once and kept");
}

#[tokio::test]
async fn without_any_keys_the_error_says_that_there_are_none() {
    let said = child(&[("AWS_EC2_METADATA_DISABLED", "true")]).await;
    assert!(said.contains("failed Unknown") && said.contains("credentials"), "{said}");
    eprint!("{said}");
}
