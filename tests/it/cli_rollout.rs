//! `keyward rollout` as a process: what it prints and where, its exit codes, and its signals.

use std::fs;
use std::io::{BufRead as _, BufReader};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::cli::{Cli, Ran};
use crate::rollout::{assert_whole, enabled, many, status};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The events that were told, one a line.
fn events(ran: &Ran) -> Vec<Value> {
    ran.stderr.lines().filter(|line| line.starts_with('{')).map(json).collect()
}

#[tokio::test]
async fn nothing_is_done_unasked_and_a_dry_run_says_what_would_be() {
    let world = many().await;
    let cli = Cli::on(&world);
    cli.ends_with(0, &["rollout", "status"]);
    for args in [&["rollout", "run"][..], &["rollout", "finish"]] {
        assert!(cli.ends_with(2, args).stderr.contains("--yes"), "no terminal to ask on");
    }
    let ran = cli.ends_with(0, &["rollout", "run", "--percent", "50", "--limit", "20", "--dry-run", "--output", "json"]);
    let document = json(&ran.stdout);
    assert_eq!((&document["schema"], &document["accounts"]), (&"keyward/rollout-dry-run/v1".into(), &300.into()));
    assert_eq!((&document["would_enable"], &document["percent"]), (&20.into(), &"50".into()));
    assert!(enabled(&world).await.is_empty() && status(&world).await.waves.is_empty());

    cli.ends_with(0, &["rollout", "run", "--yes"]);
    assert_eq!(enabled(&world).await.len(), 300);
    let ran = cli.ends_with(0, &["rollout", "revert", "--all", "--dry-run"]);
    assert_eq!(ran.stdout, "would undo wave 1: take back the setting of 300 accounts and publish the keys sealed with it\n");
    assert!(cli.ends_with(2, &["rollout", "revert", "--all"]).stderr.contains("--yes"));
    assert_eq!(enabled(&world).await.len(), 300);
    assert_whole(&world).await;
}

#[tokio::test]
async fn run_and_revert_tell_their_progress_in_lines_and_their_result_as_a_document() {
    let world = many().await;
    let cli = Cli::on(&world);
    fs::write(cli.path("canaries.txt"), "7\n\n9\n").unwrap();
    let ran = cli.ends_with(0, &["rollout", "run", "--accounts-from", "canaries.txt", "--yes", "--output", "json"]);
    let document = json(&ran.stdout);
    assert_eq!((&document["schema"], &document["wave"]), (&"keyward/rollout-run/v1".into(), &1.into()));
    assert_eq!((&document["accounts"], &document["keys"], &document["parked"]), (&2.into(), &6.into(), &0.into()));
    let ran = cli.ends_with(0, &["rollout", "run", "--yes", "--workers", "2"]);
    let told = events(&ran);
    assert_eq!((&told[0]["event"], &told[0]["total"]), (&"began".into(), &298.into()));
    assert!(told.iter().any(|event| event["event"] == "progress"));
    let last = told.last().unwrap();
    assert_eq!((&last["event"], &last["accounts"]), (&"done".into(), &298.into()));
    assert_eq!(ran.stdout, "", "data goes to stdout where it is asked for");

    let document = json(&cli.ends_with(0, &["rollout", "revert", "--all", "--yes", "--output", "json"]).stdout);
    assert_eq!((&document["schema"], &document["accounts"]), (&"keyward/rollout-revert/v1".into(), &300.into()));
    assert_eq!(document["waves"], serde_json::json!([1, 2]));
    assert!(enabled(&world).await.is_empty());
    assert_whole(&world).await;
}

#[tokio::test]
async fn each_end_has_its_exit_code() {
    let world = many().await;
    let cli = Cli::on(&world);
    for args in [
        &["rollout", "run", "--percent", "0"][..],
        &["rollout", "run", "--pace", "fast"],
        &["rollout", "run", "--workers", "0"],
        &["rollout", "run", "--target-batch", "1h"],
        &["rollout", "run", "--percent", "5", "--accounts-from", "x"],
        &["rollout", "run", "--at-cutover", "--before-cutover"],
        &["rollout", "run", "--yes", "--accounts-from", "nowhere.txt"],
        &["rollout", "revert", "--wave", "99", "--yes"],
        &["rollout", "run", "--output", "prometheus"],
    ] {
        cli.ends_with(2, args);
    }
    assert!(cli.ends_with(4, &["rollout", "revert", "--yes"]).stderr.contains("no wave to revert"));
    assert!(cli.ends_with(0, &["rollout", "revert", "--all", "--yes"]).stderr.contains("no wave stands"));
    world
        .act("app_owner")
        .await
        .ok("CREATE FUNCTION app.protect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF OLD.account_id = 105 AND OLD.api_key IS NOT NULL THEN RAISE EXCEPTION 'no %', OLD.api_key; END IF; RETURN NEW; END $$;
             CREATE TRIGGER protect BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.protect()")
        .await;
    let ran = cli.ends_with(1, &["rollout", "run", "--yes"]);
    assert!(ran.stderr.contains("1 account could not be changed and is parked"), "{ran:?}");
    assert!(events(&ran).iter().any(|event| event["event"] == "parked" && event["account"] == "105"), "{ran:?}");
    let shown = cli.ends_with(0, &["rollout", "status"]).stdout;
    assert!(shown.contains("105 (wave 1): refused by the function app.protect() (P0001)"), "{shown}");
    assert!(cli.ends_with(4, &["rollout", "finish", "--yes"]).stderr.contains("1 account is parked"));
    // done, and there is still something to report
    cli.ends_with(1, &["rollout", "finish", "--yes", "--leave-parked"]);
    assert_whole(&world).await;
}

#[tokio::test]
async fn a_signal_ends_the_batch_in_hand_and_the_same_command_goes_on() {
    let world = many().await;
    let cli = Cli::on(&world);
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut child = cli.command(&["rollout", "run", "--yes", "--pace", "100/s"]).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(said.any(|line| line.contains("\"progress\"")));
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        let rest: Vec<_> = said.collect();
        assert_eq!(child.wait().unwrap().code(), Some(5), "{rest:?}");
        assert!(rest.iter().any(|line| line.contains("stopping after this batch")), "{rest:?}");
        let status = status(&world).await;
        assert_eq!((status.waves.len(), status.waves[0].state.as_str()), (1, "stopped"));
        assert_eq!(status.waves[0].accounts, enabled(&world).await.len() as u64);
        assert_whole(&world).await;
    }
    cli.ends_with(0, &["rollout", "run", "--yes"]);
    assert_eq!((enabled(&world).await.len(), status(&world).await.waves.len()), (300, 1));
    assert_whole(&world).await;
}

#[tokio::test]
async fn status_is_a_screen_a_document_and_metrics() {
    let world = many().await;
    let cli = Cli::on(&world);
    cli.ends_with(0, &["rollout", "run", "--percent", "30", "--yes"]);
    let shown = cli.ends_with(0, &["rollout", "status"]).stdout;
    assert!(shown.contains("wave 1     run 30 % done: ") && shown.contains("by app_owner at "), "{shown}");
    let document = json(&cli.ends_with(0, &["rollout", "status", "--output", "json"]).stdout);
    let done = document["waves"][0]["accounts"].as_u64().unwrap();
    assert!(done > 0 && document["schema"] == "keyward/rollout/v1");

    let metrics = cli.ends_with(0, &["rollout", "status", "--output", "prometheus"]).stdout;
    let sample = regex::Regex::new(r#"^keyward_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.]+$"#).unwrap();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        assert!(sample.is_match(line), "{line}");
    }
    assert!(!sample.is_match("keyward_keys{key=} 1"), "control");
    for expected in [
        "keyward_accounts 300.0".to_owned(),
        format!("keyward_wave_accounts{{wave=\"1\",kind=\"run\"}} {done}.0"),
        "keyward_keys{key=\"location_api_key\",state=\"published_enabled\"} 0.0".to_owned(),
        "keyward_policy_mode{mode=\"enforce\"} 1.0".to_owned(),
        "# EOF".to_owned(),
    ] {
        assert!(metrics.lines().any(|line| line == expected), "{expected} in\n{metrics}");
    }
}

#[tokio::test]
async fn a_pause_holds_whoever_works_and_whoever_comes_until_it_is_lifted() {
    let world = many().await;
    let cli = Cli::on(&world);
    let mut child = cli.command(&["rollout", "run", "--yes", "--pace", "100/s"]).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("\"progress\"")));
    assert!(cli.ends_with(0, &["rollout", "pause", "--reason", "month-end"]).stderr.starts_with("Paused"));
    assert!(said.any(|line| line.contains("\"held\"") && line.contains("paused by app_owner") && line.contains("month-end")));
    let held = enabled(&world).await.len();
    assert!((1..300).contains(&held), "{held}");
    let shown = cli.ends_with(0, &["rollout", "status"]).stdout;
    assert!(shown.contains("rollout    paused by app_owner since ") && shown.contains(": month-end"), "{shown}");
    let ran = cli.ends_with(5, &["rollout", "run", "--yes"]);
    assert!(ran.stderr.contains("paused") && ran.stderr.contains("keyward rollout resume"), "{ran:?}");
    assert_eq!(enabled(&world).await.len(), held, "nobody has worked meanwhile");
    assert!(cli.ends_with(0, &["rollout", "pause"]).stderr.starts_with("It was paused already"));

    assert!(cli.ends_with(0, &["rollout", "resume"]).stderr.starts_with("Resumed"));
    assert!(said.any(|line| line.contains("\"going_on\"")));
    assert!(said.any(|line| line.contains("\"done\"")));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!((enabled(&world).await.len(), status(&world).await.waves.len()), (300, 1));
    assert!(cli.ends_with(0, &["rollout", "resume"]).stderr.starts_with("It was not paused"));
    assert_whole(&world).await;
}
