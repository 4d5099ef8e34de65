//! Approved plans: what was kept is carried out as it was reviewed, with the hazards that were allowed, signed by whom it takes, or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use keyward::plan::Plan;
use serde_json::Value;

use crate::cli::{Cli, Ran};
use crate::fixture::{MANIFEST, World};

/// Every hazard of the fixture's plan.
const ALLOW: &str = "enables_rls,revokes_privileges";

fn keep(cli: &Cli) -> Value {
    cli.ends_with(0, &["plan", "--out", "plan.json", "--allow", ALLOW]);
    serde_json::from_str(&fs::read_to_string(cli.path("plan.json")).unwrap()).unwrap()
}

fn apply(cli: &Cli, code: i32, plan: &Value, said: &[&str]) -> Ran {
    fs::write(cli.path("other.json"), serde_json::to_string(plan).unwrap()).unwrap();
    let ran = cli.ends_with(code, &["apply", "--yes", "--plan", "other.json"]);
    for said in said {
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    }
    ran
}

/// What a run says of its failure, without the plan before it.
fn error(ran: &Ran) -> &str {
    ran.stderr.split_once("error: ").expect("a failure").1
}

/// Makes a key pair with openssl, as an approver does: NAME.key and NAME.pub.
fn key_pair(cli: &Cli, name: &str) {
    let key = cli.path(&format!("{name}.key"));
    openssl(cli, &["genpkey", "-algorithm", "ed25519", "-out", key.to_str().unwrap()]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    openssl(cli, &["pkey", "-in", key.to_str().unwrap(), "-pubout", "-out", &format!("{name}.pub")]);
}

fn openssl(cli: &Cli, args: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(args).current_dir(cli.path("")).output().expect("openssl is on this machine");
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn a_kept_plan_that_no_longer_holds_is_refused_and_what_differs_is_named() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let kept = keep(&cli);

    // the manifest
    cli.manifest(&MANIFEST.replace("\"api_v1\", \"api_v2\"", "\"api_v2\"").replace("rls     = true", "rls     = false"));
    let ran = apply(&cli, 4, &kept, &["the manifest has changed", "[roles] has changed", "[[writes]] legacy_users has changed"]);
    assert!(!error(&ran).contains("[accounts]") && !error(&ran).contains("location_api_key"), "{ran:?}");
    cli.manifest(MANIFEST);

    // the catalogue
    let mut db = world.act("postgres").await;
    db.ok("CREATE ROLE \"New\"; ALTER TABLE app.locations ADD COLUMN later text; ALTER ROLE api_v2 BYPASSRLS").await;
    let named = ["the role New is new", "the role api_v2 has changed", "the table app.locations has changed"];
    let ran = apply(&cli, 4, &kept, &[&["the catalogue of the database has changed"][..], &named].concat());
    assert!(!error(&ran).contains("app.users") && !error(&ran).contains("api_v1"), "{ran:?}");
    db.ok("DROP ROLE \"New\"; ALTER TABLE app.locations DROP COLUMN later; ALTER ROLE api_v2 NOBYPASSRLS").await;

    // the steps
    let at =
        kept["steps"].as_array().unwrap().iter().position(|step| step["id"].as_str().unwrap().starts_with("trigger")).unwrap();
    let named = kept["steps"][at]["id"].as_str().unwrap().replace("\"app\".\"", "app.").trim_end_matches('"').to_owned();
    for (field, value, said) in [
        ("sql", Value::from("SELECT 1;"), "its sql"),
        ("undo", Value::from("SELECT 1;"), "its undo"),
        ("lock", Value::Null, "its lock"),
        ("hazards", serde_json::json!([{"id": "enables_rls", "text": ""}]), "its hazards"),
        ("role", Value::from("owner"), "its role"),
    ] {
        let mut edited = kept.clone();
        edited["steps"][at][field] = value;
        apply(&cli, 4, &edited, &["somebody edited it", &named, said]);
    }
    let mut edited = kept.clone();
    edited["steps"].as_array_mut().unwrap().remove(at);
    apply(&cli, 4, &edited, &["somebody edited it", &named, "is missing"]);
    let mut edited = kept.clone();
    edited["steps"].as_array_mut().unwrap().swap(at, at + 1);
    apply(&cli, 4, &edited, &["somebody edited it", "the order of the steps"]);
    let mut edited = kept.clone();
    let extra = serde_json::json!({"id": "gift", "action": "create", "why": "", "file": null, "sql": "CREATE ROLE gift SUPERUSER;", "undo": "",
        "lock": null, "hazards": [], "role": "runner", "group": null, "how": "run", "sha256": null, "replaces": null});
    edited["steps"].as_array_mut().unwrap().push(extra);
    apply(&cli, 4, &edited, &["somebody edited it", "the step gift is none of its steps"]);
    let mut edited = kept.clone();
    edited["findings"] = serde_json::json!([{"id": "calm", "severity": "warning", "title": "all is well", "object": "", "detail": "", "remedy": "",
        "cache_key": "calm", "can_be_accepted": true}]);
    apply(&cli, 4, &edited, &["somebody edited it", "the finding calm"]);
    let mut edited = kept.clone();
    edited["version"] = Value::from("0.0.1");
    edited["steps"][at]["why"] = Value::from("otherwise");
    apply(&cli, 4, &edited, &["keyward 0.0.1 made it"]);
    for field in ["fingerprint", "manifest", "database"] {
        let mut edited = kept.clone();
        edited[field] = Value::from("0".repeat(64));
        apply(&cli, 4, &edited, &["plan"]);
    }

    // control: nothing was done, and as it was kept it is carried out
    assert!(!db.get::<bool>("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname IN ('gift', 'keyward_owner')) AS v").await);
    apply(&cli, 0, &kept, &["Applied"]);
    cli.ends_with(0, &["plan", "--check"]);
}

#[tokio::test]
async fn a_hazard_is_taken_only_when_it_was_allowed_by_name() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let ran = cli.ends_with(4, &["apply", "--yes"]);
    for hazard in ALLOW.split(',') {
        assert!(error(&ran).contains(&format!("  {hazard}: ")), "{ran:?}");
    }
    assert!(ran.stderr.contains(&format!("--allow {ALLOW}")), "{ran:?}");
    let ran = cli.ends_with(4, &["apply", "--yes", "--allow", "revokes_privileges"]);
    assert!(error(&ran).contains("--allow enables_rls\n"), "{ran:?}");
    let ran = cli.ends_with(2, &["apply", "--yes", "--allow", "everything"]);
    assert!(ran.stderr.contains("publishes_keys"), "it lists what there is: {ran:?}");

    // a plan that was kept without them, and one that was kept with them
    let ran = cli.ends_with(0, &["plan", "--out", "bare.json"]);
    assert!(ran.stderr.contains(ALLOW), "{ran:?}");
    cli.ends_with(4, &["apply", "--yes", "--plan", "bare.json"]);
    let mut db = world.act("postgres").await;
    assert!(
        !db.get::<bool>("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'keyward_owner') AS v").await,
        "nothing was done"
    );
    keep(&cli);
    cli.ends_with(0, &["apply", "--yes", "--plan", "plan.json"]);

    // control: a repair without hazards needs no allowance, and one in vain is told
    db.ok("ALTER TABLE app.users DISABLE TRIGGER USER").await;
    let ran = cli.ends_with(0, &["apply", "--yes", "--allow", "enables_rls"]);
    assert!(ran.stderr.contains("--allow enables_rls: no step has this hazard"), "{ran:?}");

    // what ends a guard is a hazard too
    cli.manifest(&MANIFEST[..MANIFEST.find("[[writes]]").unwrap()]);
    let ran = cli.ends_with(4, &["apply", "--yes"]);
    assert!(ran.stderr.contains("removes_guard"), "{ran:?}");
    cli.manifest(&MANIFEST.replace("\"location_api_key\"", "\"place_key\""));
    let ran = cli.ends_with(0, &["plan"]);
    assert!(!ran.stdout.contains("removes_guard"), "a guard that has another name is none: {ran:?}");
}

#[tokio::test]
async fn a_risk_that_the_plan_accepts_is_entered_in_the_ledger() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let mut db = world.act("postgres").await;
    db.ok("ALTER ROLE api_v2 SUPERUSER").await;
    keep(&cli);
    cli.ends_with(4, &["apply", "--yes", "--plan", "plan.json"]);
    cli.ends_with(0, &["plan", "--out", "plan.json", "--allow", ALLOW, "--accept-risk", "superuser:api_v2"]);
    cli.ends_with(0, &["apply", "--yes", "--plan", "plan.json"]);
    let risks: Vec<String> = db.get("SELECT to_jsonb(accepted_risks) AS v FROM keyward.ledger LIMIT 1").await;
    assert_eq!(risks, ["superuser:api_v2"]);
}

#[tokio::test]
async fn a_plan_is_applied_only_with_the_signature_of_each_who_must_have_signed() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    for name in ["alice", "bob"] {
        key_pair(&cli, name);
    }
    keep(&cli);
    let with = |keys: &[&str]| {
        let mut args = vec!["apply", "--yes", "--plan", "plan.json", "--require-signature"];
        args.extend(keys.iter().flat_map(|key| ["--public-key", key]));
        args.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let refused = |code: i32, keys: &[&str], said: &str| {
        let args = with(keys);
        let ran = cli.ends_with(code, &args.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    };
    // asking for a signature without saying whose is no use
    cli.ends_with(2, &["apply", "--yes", "--plan", "plan.json", "--require-signature"]);
    cli.ends_with(2, &["apply", "--yes", "--public-key", "alice.pub"]);
    refused(4, &["alice.pub"], "is not signed");

    // a private key that others may read
    fs::set_permissions(cli.path("alice.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let ran = cli.ends_with(4, &["plan", "sign", "plan.json", "--key", "alice.key"]);
    assert!(ran.stderr.contains("may be read by others (its mode is 640)"), "{ran:?}");
    fs::set_permissions(cli.path("alice.key"), fs::Permissions::from_mode(0o600)).unwrap();

    let ran = cli.ends_with(0, &["plan", "sign", "plan.json", "--key", "alice.key"]);
    assert!(ran.stderr.contains("hazards allowed: enables_rls, revokes_privileges"), "{ran:?}");
    let secret = fs::read_to_string(cli.path("alice.key")).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    assert!(!format!("{ran:?}").contains(secret) && !fs::read_to_string(cli.path("plan.json.sig")).unwrap().contains(secret));
    refused(4, &["bob.pub"], "is not signed by sha256:");
    refused(4, &["alice.pub", "bob.pub"], "is not signed by sha256:");
    refused(2, &["alice.pub", "alice.pub"], "given twice");
    refused(2, &["alice.key"], "it is a private key");
    refused(2, &["plan.json"], "not an ed25519 public key");
    let ran = cli.ends_with(2, &["plan", "sign", "plan.json", "--key", "alice.pub"]);
    assert!(ran.stderr.contains("it is a public key"), "{ran:?}");
    let ran = cli.ends_with(2, &["plan", "sign", "alice.pub", "--key", "alice.key"]);
    assert!(ran.stderr.contains("not a plan"), "{ran:?}");

    // one byte more, and it is another plan, even where it means the same
    let plan = fs::read_to_string(cli.path("plan.json")).unwrap();
    fs::write(cli.path("plan.json"), format!("{plan} ")).unwrap();
    refused(4, &["alice.pub"], "was altered since");
    fs::write(cli.path("plan.json"), plan.replacen("\"enables_rls\"", "\"publishes_keys\"", 1)).unwrap();
    refused(4, &["alice.pub"], "was altered since");
    // a public key alone asks for its signature too
    let ran = cli.ends_with(4, &["apply", "--yes", "--plan", "plan.json", "--public-key", "alice.pub"]);
    assert!(ran.stderr.contains("was altered since"), "{ran:?}");
    fs::write(cli.path("plan.json"), &plan).unwrap();

    // control: both have signed, the second time is no second signature
    for key in ["bob.key", "alice.key", "bob.key"] {
        cli.ends_with(0, &["plan", "sign", "plan.json", "--key", key]);
    }
    assert_eq!(fs::read_to_string(cli.path("plan.json.sig")).unwrap().lines().count(), 2);
    let mut db = world.act("postgres").await;
    assert!(
        !db.get::<bool>("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'keyward_owner') AS v").await,
        "nothing was done"
    );
    let args = with(&["bob.pub", "alice.pub"]);
    let ran = cli.ends_with(0, &args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ran.stderr.matches("is signed by sha256:").count(), 2, "{ran:?}");

    // who signed stays known
    let signers: Vec<&str> =
        ran.stderr.lines().filter_map(|line| line.split_once(" is signed by ").map(|(_, key)| key)).collect();
    let known: Vec<Vec<String>> = db.get("SELECT jsonb_agg(DISTINCT to_jsonb(signed_by)) AS v FROM keyward.ledger").await;
    assert_eq!(known, std::slice::from_ref(&signers), "of every step");
    let status = cli.ends_with(0, &["status"]).stdout;
    assert!(signers.iter().all(|key| status.contains(&format!("signed by {key}"))), "{status}");
    // control: a plan that nobody signed
    db.ok("ALTER TABLE app.users DISABLE TRIGGER USER").await;
    cli.ends_with(0, &["apply", "--yes"]);
    assert!(!cli.ends_with(0, &["status"]).stdout.contains("signed by"));
}

#[tokio::test]
async fn a_ledger_of_an_earlier_keyward_learns_who_signs() {
    let world = World::applied().await;
    let cli = Cli::on(&world);
    key_pair(&cli, "alice");
    let mut db = world.act("postgres").await;
    db.ok("ALTER TABLE keyward.ledger DROP COLUMN signed_by; DELETE FROM keyward.schema_history WHERE version = 4").await;
    let status = cli.ends_with(1, &["status"]).stdout;
    assert!(status.contains("applied") && !status.contains("signed by"), "{status}");
    // steps before the base tables', and after
    db.ok("ALTER ROLE keyward_owner CREATEDB; ALTER TABLE app.users DISABLE TRIGGER USER").await;
    cli.ends_with(0, &["plan", "--out", "plan.json"]);
    cli.ends_with(0, &["plan", "sign", "plan.json", "--key", "alice.key"]);
    cli.ends_with(0, &["apply", "--yes", "--plan", "plan.json", "--require-signature", "--public-key", "alice.pub"]);
    cli.ends_with(0, &["plan", "--check"]);
    let (steps, signed): (i64, i64) = {
        let all = db
            .get::<i64>("SELECT count(*) AS v FROM keyward.ledger WHERE at > now() - interval '1 minute' AND signed_by <> '{}'")
            .await;
        (all, db.get("SELECT count(*) AS v FROM keyward.ledger WHERE signed_by <> '{}' AND signed_by[1] LIKE 'sha256:%'").await)
    };
    assert!(steps >= 2 && steps == signed, "{steps} {signed}");
    // control: rows of before stay as they were
    assert!(db.get::<bool>("SELECT EXISTS (SELECT FROM keyward.ledger WHERE signed_by = '{}') AS v").await);
}

#[tokio::test]
async fn signatures_are_those_of_openssl() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    key_pair(&cli, "alice");
    let plan: Plan = serde_json::from_value(keep(&cli)).unwrap();
    assert_eq!(plan.steps, world.plan().await.steps);

    // keyward signs, openssl checks
    cli.ends_with(0, &["plan", "sign", "plan.json", "--key", "alice.key"]);
    let shell = |script: &str| {
        let ran = Command::new("sh").args(["-ec", script]).current_dir(cli.path("")).output().unwrap();
        (ran.status.success(), String::from_utf8(ran.stdout).unwrap())
    };
    let verify =
        "base64 -d plan.json.sig > raw; openssl pkeyutl -verify -pubin -inkey alice.pub -rawin -in plan.json -sigfile raw";
    assert!(shell(verify).0);
    assert!(!shell(&verify.replace("-in plan.json", "-in alice.pub")).0, "control");
    let (_, id) = shell("openssl pkey -pubin -in alice.pub -outform DER | sha256sum");

    // openssl signs, keyward checks
    let (signed, _) = shell("openssl pkeyutl -sign -inkey alice.key -rawin -in plan.json | base64 -w0 > plan.json.sig");
    assert!(signed);
    let ran = cli.ends_with(0, &["apply", "--yes", "--plan", "plan.json", "--require-signature", "--public-key", "alice.pub"]);
    assert!(ran.stderr.contains(&format!("is signed by sha256:{}", id.split(' ').next().unwrap())), "{ran:?}");
}
