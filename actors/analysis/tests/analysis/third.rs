//! A third kind of document needs a file and no Rust: opinions on the licences of software.

use enabler_analysis::{Profile, Profiles, analyze, colours};
use serde_json::json;

use super::paper::pages;
use super::texts::sound;

const PROFILE: &str = include_str!("licencas_software.toml");

const OPINION: &str = "\
PARECER TÉCNICO Nº 12/2025
Interessado: Setor de Compras. Data: 3 de fevereiro de 2025.

II - COMPONENTES EXAMINADOS
Componente      Versão    Licença               Criticidade   Situação
Farol           5.8.1     LGPL-3.0-or-later     BAIXO         Liberado
Maré Alta       0.14      AGPL-3.0-or-later     ALTO          Vedado
ÓticaCam        2.0.3     GPL-3.0-only          MÉDIO         Condicionado

É o parecer.";

fn profile() -> Profile {
    Profile::parse("licencas_software", PROFILE).unwrap()
}

#[test]
fn a_profile_of_its_own_reads_an_opinion() {
    let pages = pages(OPINION);
    let profile = profile();
    let analysis = analyze(&pages, &profile);
    sound(&analysis, &pages);
    assert_eq!(analysis.result["numero"], "12/2025");
    assert_eq!(analysis.result["data"], "03/02/2025");
    assert_eq!(
        analysis.result["componentes"],
        json!([
            {"nome": "Farol", "versao": "5.8.1", "licenca": "LGPL-3.0-or-later", "criticidade": "BAIXO", "situacao": "Liberado"},
            {"nome": "Maré Alta", "versao": "0.14", "licenca": "AGPL-3.0-or-later", "criticidade": "ALTO", "situacao": "Vedado"},
            {"nome": "ÓticaCam", "versao": "2.0.3", "licenca": "GPL-3.0-only", "criticidade": "MÉDIO", "situacao": "Condicionado"},
        ])
    );
    assert_eq!(colours(&profile)[0].category, "licenca");
    assert_eq!(Profiles::new(vec![profile]).choose(&pages).template, "licencas_software");
}
