//! Holds an analysis to the truth about a document: field by field, what is right, wrong, missing or invented.

use enabler_analysis::{Analysis, Rect};
use serde_json::{Map, Value};

/// What became of the fields of one document.
#[derive(Default)]
pub(crate) struct Score {
    /// Fields that the truth names.
    pub(crate) fields: usize,
    /// Those that are right.
    pub(crate) right: usize,
    /// A line for each that is not.
    pub(crate) faults: Vec<String>,
    /// How many of the faults are values that the document does not give.
    pub(crate) invented: usize,
    /// Highlights of the truth, and those that a value's boxes overlap.
    pub(crate) boxes: (usize, usize),
}

fn folded(text: &str) -> String {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|c| match c {
            'á' | 'à' | 'â' | 'ã' => 'a',
            'é' | 'ê' => 'e',
            'í' => 'i',
            'ó' | 'ô' | 'õ' => 'o',
            'ú' | 'ü' => 'u',
            'ç' => 'c',
            '–' | '—' => '-',
            'º' => 'o',
            'ª' => 'a',
            c => c,
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether two texts say the same: equal, or of mostly the same words.
fn alike(a: &str, b: &str, loose: bool) -> bool {
    let (a, b) = (folded(a), folded(b));
    if a == b {
        return true;
    }
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1).map(str::to_owned).collect()
    };
    let (a, b) = (words(&a), words(&b));
    let common = a.iter().filter(|word| b.contains(word)).count();
    loose && common * 10 >= 6 * a.len().min(b.len()).max(1) && common > 0
}

const LOOSE: &[&str] = &["descricao", "bem", "item", "nome", "cartorio"];

fn same(key: &str, truth: &Value, found: &Value) -> bool {
    match (truth, found) {
        (Value::String(a), Value::String(b)) => {
            let person = key == "nome" && !a.chars().any(|c| c.is_ascii_digit()) && a.split(' ').count() < 5;
            alike(a, b, LOOSE.contains(&key) && !(person && a.split(' ').all(|word| word.len() < 12)))
        }
        (Value::Number(a), Value::Number(b)) => {
            (a.as_f64().unwrap_or(0.0) - b.as_f64().unwrap_or(0.0)).abs() < 0.005
        }
        (a, b) => a == b,
    }
}

/// The result with the keys and places of the truth.
fn as_truth(result: &Value) -> Value {
    let mut out = Map::new();
    let at = |pointer: &str| result.pointer(pointer).cloned().unwrap_or(Value::Null);
    for key in ["informacoes_gerais", "meeira", "clausula_b_inventariante", "numero", "data", "componentes"] {
        if let Some(value) = result.get(key) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    if result.get("clausula_a_herdeiros").is_some() {
        out.insert("clausula_a_herdeiros".to_owned(), at("/clausula_a_herdeiros/herdeiros"));
        out.insert("clausula_c_bens_btg".to_owned(), at("/clausula_c_bens_btg/bens"));
        out.insert("total_btg".to_owned(), at("/clausula_c_bens_btg/total"));
        out.insert("clausula_d_divisao".to_owned(), at("/clausula_d_divisao/divisoes"));
    }
    if result.get("clausula_a_ativos").is_some() {
        let amounts = at("/clausula_b_quantidades/detalhamento");
        let mut assets = at("/clausula_a_ativos/ativos");
        for (index, asset) in assets.as_array_mut().into_iter().flatten().enumerate() {
            if let (Some(asset), Some(more)) =
                (asset.as_object_mut(), amounts.get(index).and_then(Value::as_object))
            {
                asset.extend(
                    more.iter().filter(|(key, _)| *key != "ativo").map(|(k, v)| (k.clone(), v.clone())),
                );
            }
        }
        out.insert("ativos".to_owned(), assets);
        out.insert("valor_total".to_owned(), at("/clausula_b_quantidades/valor_total"));
        out.insert("deliberacoes".to_owned(), at("/informacoes_complementares/deliberacoes"));
    }
    Value::Object(out)
}

impl Score {
    /// Compares `analysis` with a document of a truth file.
    pub(crate) fn of(document: &Value, analysis: &Analysis) -> Self {
        let mut score = Self::default();
        let accepted = document.get("aceita").cloned().unwrap_or(Value::Null);
        let result = as_truth(&analysis.result);
        score.compare("", "", &document["fields"], &result, &accepted);
        score.highlights(document, analysis);
        score
    }

    fn compare(&mut self, pointer: &str, key: &str, truth: &Value, found: &Value, accepted: &Value) {
        match truth {
            _ if key == "armadilhas" => {}
            Value::Object(truth) => {
                for (name, value) in truth {
                    let below = format!("{pointer}/{name}");
                    self.compare(&below, name, value, found.get(name).unwrap_or(&Value::Null), accepted);
                }
            }
            Value::Array(truth) => {
                self.list(pointer, truth, found.as_array().map_or(&[][..], |found| found), accepted)
            }
            truth => {
                self.fields += 1;
                let also = accepted.get(pointer).and_then(Value::as_array);
                let ok = same(key, truth, found)
                    || truth == &Value::Bool(true) && key == "cpf_valido" && found.is_null()
                    || also.is_some_and(|also| {
                        also.is_empty() || also.iter().any(|other| same(key, other, found))
                    });
                if ok {
                    self.right += 1;
                } else {
                    let kind = match (truth.is_null(), found.is_null()) {
                        (true, false) => {
                            self.invented += 1;
                            "INVENTED"
                        }
                        (false, true) => "missing",
                        _ => "wrong",
                    };
                    self.faults.push(format!("{kind} {pointer}: truth {truth}, found {found}"));
                }
            }
        }
    }

    /// Compares records, each with the one that is most like it.
    fn list(&mut self, pointer: &str, truth: &[Value], found: &[Value], accepted: &Value) {
        let mut left: Vec<&Value> = found.iter().collect();
        for (index, record) in truth.iter().enumerate() {
            let likeness = |other: &Value| {
                let Some(fields) = record.as_object() else { return usize::from(record == other) * 10 };
                fields
                    .iter()
                    .filter(|(key, value)| {
                        !value.is_null()
                            && other.get(key.as_str()).is_some_and(|found| same(key, value, found))
                    })
                    .map(|(key, _)| {
                        if ["nome", "herdeiro", "bem", "descricao", "item", "ticker"].contains(&key.as_str())
                        {
                            3
                        } else {
                            1
                        }
                    })
                    .sum::<usize>()
            };
            let best = (0..left.len()).max_by_key(|at| (likeness(left[*at]), usize::MAX - at));
            let best = best.filter(|at| likeness(left[*at]) >= 2).map(|at| left.remove(at));
            self.compare(&format!("{pointer}/{index}"), "", record, best.unwrap_or(&Value::Null), accepted);
        }
        for extra in left {
            self.fields += 1;
            self.invented += 1;
            self.faults.push(format!("INVENTED {pointer}: {extra}"));
        }
    }

    fn highlights(&mut self, document: &Value, analysis: &Analysis) {
        for one in document["highlights"].as_array().into_iter().flatten() {
            let (category, text) = (&one["category"], one["text"].as_str().unwrap_or(""));
            self.boxes.0 += 1;
            let hit = one["occurrences"].as_array().into_iter().flatten().any(|occurrence| {
                let rects: Vec<Rect> =
                    serde_json::from_value(occurrence["rects"].clone()).unwrap_or_default();
                analysis.values.iter().any(|value| {
                    u64::from(value.page) == occurrence["page"].as_u64().unwrap_or(0)
                        && *category == value.category
                        && overlap(&rects, &value.rects) >= 0.5
                })
            });
            if hit {
                self.boxes.1 += 1;
            } else {
                self.faults.push(format!("no box: {category} {text}"));
            }
        }
    }
}

/// Intersection over union of two sets of boxes, each of whose boxes do not overlap.
fn overlap(a: &[Rect], b: &[Rect]) -> f32 {
    let area = |rect: &Rect| (rect[2] - rect[0]).max(0.0) * (rect[3] - rect[1]).max(0.0);
    let both = |a: &Rect, b: &Rect| area(&[a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let common: f32 = a.iter().flat_map(|a| b.iter().map(move |b| both(a, b))).sum();
    let all = a.iter().chain(b).map(area).sum::<f32>() - common;
    if all <= 0.0 { 0.0 } else { common / all }
}
