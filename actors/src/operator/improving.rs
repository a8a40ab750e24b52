//! What operators do about the quality of answers: prompts that are promoted and taken back, suites that are run.

use super::everywhere::Panel;
use super::plan::{Action, Outcome, Touch};
use crate::prompts::{Candidate, Promoted};
use crate::recurring;

/// The job that runs the suites.
const JOB: &str = "quality";

impl Panel {
    /// Puts a version of the prompts in force, or has the suites asked first.
    pub(super) async fn promote(&self, action: &Action, id: &str, by: &str) -> Outcome {
        let Some(version) = &action.target.prompt else {
            return Outcome::refused("The target must name a prompt, such as p2.");
        };
        let done = async {
            self.has_prompt(version).await?;
            let has_suites = self.has_suites().await?;
            if has_suites && !action.force && self.pauses().are_none() {
                return Err(
                    "nothing recurs here, so that no suite is run; `force` passes that over".to_owned()
                );
            }
            if action.dry_run {
                return Ok(if has_suites && !action.force { Promoted::OnTrial } else { Promoted::Now });
            }
            let order = self.order_of(action, version, id, by);
            let promoted = self.promote_prompt(order, action.force, has_suites).await?;
            match promoted {
                Promoted::OnTrial => self.wake_job(action, by).await?,
                Promoted::Now => self.begin_quality_anew().await?,
            }
            Ok::<_, String>(promoted)
        };
        let touches = vec![Touch { node: String::new(), what: format!("prompt {version}") }];
        match done.await {
            Ok(Promoted::Now) => Outcome::done(
                action.dry_run,
                touches,
                format!("{version} is in force on every node within some seconds."),
            ),
            Ok(Promoted::OnTrial) => Outcome::begun(
                action.dry_run,
                touches,
                format!("The suites are asked with {version} first; if none objects, it is in force."),
            ),
            Err(why) => Outcome::refused(format!("It is not promoted: {why}.")),
        }
    }

    /// Has the version before in force again.
    pub(super) async fn roll_back(&self, action: &Action, id: &str, by: &str) -> Outcome {
        let order = self.order_of(action, "", id, by);
        let done = async {
            let version = self.roll_prompt_back(&order, action.dry_run).await?;
            if !action.dry_run {
                self.begin_quality_anew().await?;
            }
            Ok::<_, String>(version)
        };
        match done.await {
            Ok(version) => {
                let touches = vec![Touch { node: String::new(), what: format!("prompt {version}") }];
                let said = format!("{version} is in force again on every node within some seconds.");
                Outcome::done(action.dry_run, touches, said)
            }
            Err(why) => Outcome::refused(format!("Nothing is taken back: {why}.")),
        }
    }

    /// Has a suite run as soon as whoever runs the recurring work looks.
    pub(super) async fn run_suite(&self, action: &Action, by: &str) -> Outcome {
        let Some(suite) = &action.target.suite else {
            return Outcome::refused("The target must name a suite.");
        };
        if self.pauses().are_none() {
            return Outcome::refused("Nothing recurs here: every pause of the settings' `recurring` is 0.");
        }
        let done = async {
            if !self.has_suite(suite).await? {
                return Err(format!("there is no suite {suite}"));
            }
            if !action.dry_run {
                self.want_suite(suite).await?;
                self.wake_job(action, by).await?;
            }
            Ok::<_, String>(())
        };
        let touches = vec![Touch { node: String::new(), what: format!("suite {suite}") }];
        match done.await {
            Ok(()) => {
                Outcome::begun(action.dry_run, touches, "It runs as soon as the node with the lease looks.")
            }
            Err(why) => Outcome::refused(format!("It is not run: {why}.")),
        }
    }

    /// Removes a suite with its runs.
    pub(super) async fn drop_suite(&self, action: &Action) -> Outcome {
        let Some(suite) = &action.target.suite else {
            return Outcome::refused("The target must name a suite.");
        };
        let done = async {
            let is_there = self.has_suite(suite).await?;
            Ok::<_, String>(if action.dry_run { is_there } else { self.remove_suite(suite).await? })
        };
        let touches = vec![Touch { node: String::new(), what: format!("suite {suite}") }];
        match done.await {
            Ok(true) => Outcome::done(action.dry_run, touches, "The suite is gone, and its runs with it."),
            Ok(false) => Outcome::refused(format!("There is no suite {suite}.")),
            Err(why) => Outcome::refused(format!("It is not removed: {why}.")),
        }
    }

    fn order_of(&self, action: &Action, version: &str, id: &str, by: &str) -> Candidate {
        Candidate {
            id: id.to_owned(),
            version: version.to_owned(),
            by: by.to_owned(),
            reason: action.reason.clone(),
            at_ms: self.now_ms(),
        }
    }

    async fn wake_job(&self, action: &Action, by: &str) -> Result<(), String> {
        recurring::ask_for(self.store(), JOB, by, &action.reason, self.now_ms()).await
    }
}
