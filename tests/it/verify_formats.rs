//! What `keyward verify` says to machines: SARIF, JUnit and GitHub's annotations are valid, tell the same as the JSON document, and hold no key; the exit
//! code is the same for each.

use serde_json::Value;

use crate::cli::Cli;
use crate::fixture::{MANIFEST, World};

/// What one run came to in each format.
struct Told {
    /// How many verdicts there are by what they mean: held, skipped, failed.
    counts: [usize; 3],
    sarif: Value,
    junit: String,
    github: String,
}

/// Runs a verification once in each format; each must end in the same way.
fn told(cli: &Cli, code: i32, args: &[&str]) -> Told {
    let output = |format: &str| {
        let stdout = cli.ends_with(code, &[&["verify", "--output", format], args].concat()).stdout;
        let key = regex::Regex::new("loc_[0-9a-f]{6}|key-[0-9]|kwprobe").unwrap();
        assert!(!key.is_match(&stdout), "{format}: {:?}", key.find(&stdout));
        stdout
    };
    let json: Value = serde_json::from_str(&output("json")).unwrap();
    let verdicts = json["probes"].as_array().unwrap();
    let skipped = verdicts.iter().filter(|verdict| verdict["outcome"] == "skipped").count();
    let held = verdicts.iter().filter(|verdict| verdict["ok"] == true).count();
    Told {
        counts: [held, skipped, verdicts.len() - held - skipped],
        sarif: serde_json::from_str(&output("sarif")).unwrap(),
        junit: output("junit"),
        github: output("github"),
    }
}

impl Told {
    /// Checks each format against the numbers of the JSON document.
    fn is_whole(&self) {
        let [held, skipped, failed] = self.counts;
        let schema = serde_json::from_str(include_str!("sarif-2.1.0.schema.json")).unwrap();
        jsonschema::validate(&schema, &self.sarif).unwrap();
        let run = &self.sarif["runs"][0];
        assert_eq!(run["tool"]["driver"]["name"], "keyward verify");
        let results = run["results"].as_array().unwrap();
        let of_level = |level: &str| results.iter().filter(|result| result["level"] == level).count();
        assert_eq!([of_level("note"), of_level("error"), results.len()], [skipped, failed, skipped + failed]);
        for result in results {
            let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][at]["id"], result["ruleId"]);
            assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "keyward.toml");
        }
        let fingerprints: std::collections::BTreeSet<_> =
            results.iter().map(|result| result["partialFingerprints"]["keyward/v1"].as_str().unwrap()).collect();
        assert_eq!(fingerprints.len(), results.len(), "each is told apart from the others");

        let junit = roxmltree::Document::parse(&self.junit).unwrap_or_else(|error| panic!("{error}\n{}", self.junit));
        let count = |tag: &str| junit.descendants().filter(|node| node.has_tag_name(tag)).count();
        assert_eq!([count("testcase"), count("skipped"), count("failure")], [held + skipped + failed, skipped, failed]);
        let suite = junit.root_element().first_element_child().unwrap();
        let of_suite = |name: &str| suite.attribute(name).unwrap().parse::<usize>().unwrap();
        assert_eq!([of_suite("tests"), of_suite("skipped"), of_suite("failures")], [held + skipped + failed, skipped, failed]);

        let lines = |start: &str| self.github.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(
            [lines("::notice title="), lines("::error title="), self.github.lines().count()],
            [skipped, failed, skipped + failed],
            "{}",
            self.github
        );
    }
}

/// The standard application, with a second key that stays in its column.
async fn world() -> (World, Cli) {
    let mut world = World::bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("SET ROLE app_owner; CREATE TABLE app.\"web,hooks\" (id bigint PRIMARY KEY, account_id bigint, secret text); INSERT INTO app.\"web,hooks\" VALUES (1, 1, 'key-1');
            GRANT ALL ON app.\"web,hooks\" TO app_ui, api_v1, api_v2; RESET ROLE")
        .await;
    let second = "[[keys]]\nname = \"web_hook\"\ntable = 'app.\"web,hooks\"'\nid = \"id\"\ncolumn = \"secret\"\naccount = \"account_id\"\nhide = \"revoke\"\n\n[[writes]]";
    let text = MANIFEST.replace("[[writes]]", second);
    world.manifest = keyward::manifest::Manifest::parse(&text, "keyward.toml").unwrap();
    world.apply().await;
    dba.ok("ANALYZE").await;
    let cli = Cli::by(&world, "postgres");
    cli.manifest(&text);
    (world, cli)
}

#[tokio::test]
async fn a_verification_that_held_says_so_in_every_format() {
    let (_world, cli) = world().await;
    let held = told(&cli, 0, &["--gentle", "--max-skipped", "0"]);
    held.is_whole();
    assert!(held.counts[0] > 300 && held.counts[1..] == [0, 0], "{:?}", held.counts);
    assert_eq!(held.github, "", "nobody must look at anything");
}

#[tokio::test]
async fn attacks_that_got_through_or_proved_nothing_are_told_apart_in_every_format_and_no_key_is_shown() {
    let (world, cli) = world().await;
    let mut dba = world.act("postgres").await;
    // skipped: more than allowed, and then allowed
    dba.ok("REVOKE USAGE ON SCHEMA app FROM api_v2").await;
    let some = ["--only", "read_star,key_insert,write_delete"];
    let skipped = told(&cli, 1, &[&some[..], &["--max-skipped", "0"]].concat());
    skipped.is_whole();
    assert_eq!([skipped.counts[1], skipped.counts[2]], [4, 0], "{:?}", skipped.counts);
    told(&cli, 0, &some).is_whole();
    dba.ok("GRANT USAGE ON SCHEMA app TO api_v2").await;
    // through, with errors that quote rows; the strange name is escaped
    dba.ok("UPDATE keyward.policy SET mode = 'off'; GRANT SELECT, UPDATE ON app.\"web,hooks\" TO PUBLIC; CREATE FUNCTION app.shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF session_user = 'api_v2' THEN RAISE EXCEPTION 'no: %', NEW USING ERRCODE = '42501', DETAIL = NEW::text, HINT = NEW::text; END IF; RETURN NEW; END $$;
            CREATE TRIGGER shout BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.shout(); CREATE TRIGGER shout BEFORE UPDATE ON app.\"web,hooks\" FOR EACH ROW EXECUTE FUNCTION app.shout()")
        .await;
    let through = told(&cli, 1, &["--gentle"]);
    through.is_whole();
    assert!(through.counts[2] > 150, "{:?}", through.counts);
    assert!(through.github.contains("app.\"web,hooks\""), "{}", through.github.lines().last().unwrap());
    // one role, one probe: the exit code is that of what was asked for
    told(&cli, 1, &["--only", "read_star", "--role", "api_v1"]).is_whole();
    told(&cli, 0, &["--only", "setting_policy", "--role", "api_v1"]).is_whole();
}
