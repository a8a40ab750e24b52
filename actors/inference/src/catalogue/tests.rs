//! Every model can be found, missed and checked.

use std::path::Path;

use super::*;

fn place(dir: &Path, model: &Model) {
    std::fs::create_dir_all(dir.join(model.name)).unwrap();
    for file in model.files {
        std::fs::write(dir.join(model.name).join(file), b"not empty").unwrap();
    }
}

#[test]
fn names_are_unique_and_defaults_exist() {
    for model in list() {
        assert_eq!(list().iter().filter(|other| other.name == model.name).count(), 1);
        assert!(!model.files.is_empty() && !model.licence.is_empty());
        assert_eq!(model.rank > 0, model.kind == Kind::Language, "{}", model.name);
    }
    assert_eq!(find(EMBEDDING_DEFAULT).unwrap().kind, Kind::Embedding);
    assert_eq!(find(LANGUAGE_DEFAULT).unwrap().kind, Kind::Language);
}

#[test]
fn a_missing_model_says_where_it_was_looked_for_and_how_to_get_it() {
    let dir = tempfile::tempdir().unwrap();
    let Ok(Location::Missing { looked_in, how_to_get, .. }) = locate(dir.path(), EMBEDDING_DEFAULT) else {
        panic!("it is not there")
    };
    assert_eq!(looked_in[0], dir.path().join("e5-small-pt-en/model.safetensors"));
    assert!(how_to_get.contains("rag-enabler models pull e5-small-pt-en"), "{how_to_get}");
    let Ok(Location::Missing { how_to_get, .. }) = locate(dir.path(), "llama3-8b") else {
        panic!("it is not there")
    };
    assert!(how_to_get.contains("huggingface.co/bartowski"), "{how_to_get}");
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let error = locate(Path::new("/nowhere"), "gpt-9").unwrap_err();
    assert!(error.to_string().contains("tinyllama"), "{error}");
}

#[test]
fn auto_takes_the_best_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let chosen = || match choose_auto(dir.path()) {
        Location::Found { model, .. } => Ok(model.name),
        Location::Missing { model, .. } => Err(model.name),
    };
    assert_eq!(chosen(), Err(LANGUAGE_DEFAULT));
    for name in [LANGUAGE_DEFAULT, "tinyllama", "llama3-8b"] {
        place(dir.path(), find(name).unwrap());
        assert_eq!(chosen(), Ok(name));
    }
}

#[test]
fn a_changed_byte_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let header = br#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header);
    file.extend_from_slice(&[1, 2, 3, 4]);
    let path = dir.path().join("model.safetensors");
    std::fs::write(&path, &file).unwrap();
    assert!(!check(dir.path()).unwrap().hashed, "there is no manifest yet");
    let manifest = Manifest::describe(dir.path(), "a", "here".into(), &["model.safetensors"]).unwrap();
    manifest.write(dir.path()).unwrap();
    let checked = check(dir.path()).unwrap();
    assert_eq!((checked.hashed, checked.bytes), (true, file.len() as u64));
    let last = file.len() - 1;
    file[last] ^= 1;
    std::fs::write(&path, &file).unwrap();
    let error = check(dir.path()).unwrap_err();
    assert!(matches!(&error, CheckError::Damaged { what, .. } if what.contains("SHA-256")), "{error}");
    std::fs::remove_file(dir.path().join(MANIFEST_NAME)).unwrap();
    std::fs::write(&path, &file[..last]).unwrap();
    assert!(matches!(check(dir.path()), Err(CheckError::Damaged { .. })), "a short file");
}

#[test]
fn the_imported_models_are_whole() {
    let models_dir = crate::test_models::models_dir();
    for name in [EMBEDDING_DEFAULT, LANGUAGE_DEFAULT] {
        match locate(&models_dir, name) {
            Ok(Location::Found { dir, .. }) => assert!(check(&dir).unwrap().hashed, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
