use super::*;
use proptest::prelude::*;

fn input() -> Input {
    Input { environment: vec![("HOME".into(), "/home/ana".into())], ..Input::default() }
}

fn problems(input: &Input) -> Vec<String> {
    merge(input).unwrap_err().0.iter().map(|p| format!("{}: {}", p.origin, p.message)).collect()
}

fn file(text: &str) -> Option<(PathBuf, String)> {
    Some(("node.toml".into(), text.into()))
}

#[test]
fn the_defaults_alone_are_complete() {
    let merged = merge(&input()).unwrap();
    assert_eq!(merged.settings.http.upload_bytes_max, 50_000_000);
    assert_eq!(merged.settings.retention.days, 90);
    assert_eq!(merged.settings.reading.languages, ["por", "eng"]);
    assert!(merged.values.iter().all(|(_, _, origin)| *origin == Origin::Default));
}

#[test]
fn the_home_directory_is_filled_in() {
    let merged = merge(&input()).unwrap();
    assert_eq!(merged.settings.data.dir, Path::new("/home/ana/.local/share/rag-enabler"));
    let homeless = merge(&Input::default()).unwrap();
    assert_eq!(homeless.settings.models.dir, Path::new("./.cache/rag-enabler/models"));
}

#[test]
fn flags_beat_the_environment_and_the_environment_beats_the_file() {
    let mut input = input();
    input.file = file("[retrieval]\ntop_k = 7\n[retention]\ndays = 7\n[cache]\nocr_days = 7\n");
    input.environment.push(("RAG_ENABLER_RETRIEVAL_TOP_K".into(), "8".into()));
    input.environment.push(("RAG_ENABLER_RETENTION_DAYS".into(), "8".into()));
    input.flags.push(("--top-k".into(), "retrieval.top_k".into(), "9".into()));
    let merged = merge(&input).unwrap();
    let origin = |path| merged.values.iter().find(|(p, _, _)| *p == path).unwrap().2.clone();
    assert_eq!(merged.settings.retrieval.top_k, 9);
    assert_eq!(origin("retrieval.top_k"), Origin::Flag("--top-k".into()));
    assert_eq!(merged.settings.retention.days, 8);
    assert_eq!(origin("retention.days"), Origin::Environment("RAG_ENABLER_RETENTION_DAYS".into()));
    assert_eq!(merged.settings.cache.ocr_days, 7);
    assert_eq!(origin("cache.ocr_days"), Origin::File { path: "node.toml".into(), line: 6 });
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let mut input = input();
    input.file =
        file("[http]\nlisen = \"127.0.0.1:80\"\nrequests_max = \"many\"\n\n[retrieval]\ntop_k = 99\n");
    input.environment.push(("RAG_ENABLER_STORAGE_SHARD_COUNT".into(), "0".into()));
    input.environment.push(("RAG_ENABLER_HTPP_LISTEN".into(), "0".into()));
    assert_eq!(
        problems(&input),
        [
            "node.toml:2: unknown setting `http.lisen`; did you mean `http.listen`?",
            "node.toml:3: `http.requests_max` must be a whole number from 1 to 100000, not \"many\"",
            "node.toml:6: `retrieval.top_k` must be from 1 to 20, not 99",
            "$RAG_ENABLER_HTPP_LISTEN: unknown variable `RAG_ENABLER_HTPP_LISTEN`; did you mean `RAG_ENABLER_HTTP_LISTEN`?",
            "$RAG_ENABLER_STORAGE_SHARD_COUNT: `storage.shard_count` must be from 1 to 1024, not 0",
        ]
    );
}

#[test]
fn a_wrong_type_says_what_is_wanted() {
    let mut input = input();
    input.file = file("[reading]\nlanguages = 3\n[models]\nthreads = 1.5\n[log]\nformat = \"xml\"\n");
    assert_eq!(
        problems(&input),
        [
            "node.toml:2: `reading.languages` must be a list of names, not a number",
            "node.toml:4: `models.threads` must be a whole number, not a number with a fraction",
            "node.toml:6: `log.format` must be one of text, json, not \"xml\"",
        ]
    );
}

#[test]
fn broken_toml_names_its_line() {
    let mut input = input();
    input.file = file("[http]\nlisten = \n");
    let problems = problems(&input);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("node.toml:2: is not valid TOML"), "{problems:?}");
}

#[test]
fn a_chunk_never_repeats_more_than_half_of_itself() {
    let mut input = input();
    input.file = file("[chunking]\ntokens_max = 100\noverlap_tokens = 51\n");
    assert!(problems(&input)[0].starts_with("node.toml:3: `chunking.overlap_tokens` must be at most half"));
}

#[test]
fn the_key_is_never_printed() {
    let secret = "sk-0123456789abcdef";
    let mut input = input();
    input.environment.push((environment::KEY.into(), secret.into()));
    let merged = merge(&input).unwrap();
    assert_eq!(merged.key.as_ref().unwrap().reveal(), secret);
    assert!(!format!("{merged:?}").contains(secret));
    assert!(!format!("{:?}", crate::show(&merged)).contains(secret));
    input.environment.push((environment::KEY.into(), "short secret".into()));
    assert!(!problems(&input).concat().contains("short secret"));
}

#[test]
fn every_setting_is_shown_with_its_variable() {
    let shown = crate::show(&merge(&input()).unwrap());
    assert_eq!(shown.len(), KEYS.len());
    assert!(shown.iter().any(|s| s.variable == "RAG_ENABLER_HTTP_LISTEN" && s.value == "127.0.0.1:8080"));
}

fn number_source() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), (1u64..=20).prop_map(Some)]
}

proptest! {
    #[test]
    fn the_last_source_that_speaks_wins(from_file in number_source(), env in number_source(), flag in number_source()) {
        let mut input = input();
        if let Some(k) = from_file {
            input.file = file(&format!("[retrieval]\ntop_k = {k}\n"));
        }
        if let Some(k) = env {
            input.environment.push(("RAG_ENABLER_RETRIEVAL_TOP_K".into(), k.to_string()));
        }
        if let Some(k) = flag {
            input.flags.push(("--top-k".into(), "retrieval.top_k".into(), k.to_string()));
        }
        let want = flag.or(env).or(from_file).unwrap_or(5);
        prop_assert_eq!(merge(&input).unwrap().settings.retrieval.top_k as u64, want);
    }

    #[test]
    fn no_file_makes_the_merge_panic(text in "(\\[[a-z]{1,9}\\]\n|[a-z_]{1,12} = [a-z0-9\"\\[\\]{},.-]{0,12}\n){0,6}") {
        let mut input = input();
        input.file = file(&text);
        let _ = merge(&input);
    }

    #[test]
    fn a_problem_in_one_source_never_hides_one_in_another(k in 21u64..1000, days in 36_501u64..99_999) {
        let mut input = input();
        input.file = file(&format!("[retrieval]\ntop_k = {k}\n"));
        input.flags.push(("--days".into(), "retention.days".into(), days.to_string()));
        prop_assert_eq!(problems(&input).len(), 2);
    }
}
