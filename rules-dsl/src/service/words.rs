//! What every word of the language does, in one sentence for the author of a file.

use crate::diagnostic::Language;
use crate::syntax::keyword::{self as k, Forms};

struct Word {
    forms: Forms,
    pt: &'static str,
    en: &'static str,
}

const fn word(forms: Forms, pt: &'static str, en: &'static str) -> Word {
    Word { forms, pt, en }
}

/// What the word with this usual spelling does; the first that is spelt so.
pub(super) fn explain(shown: &str, language: Language) -> Option<&'static str> {
    let word = WORDS.iter().find(|word| word.forms.iter().any(|(_, form)| *form == shown))?;
    Some(match language {
        Language::Portuguese => word.pt,
        Language::English => word.en,
    })
}

const WORDS: &[Word] = &[
    word(k::DOMAIN, "O assunto do arquivo.", "What the file is about."),
    word(
        k::AUTOMATIC,
        "Liga ou desliga as intenções `criticidade_alta` e `criticidade_baixa`, que os fatos ALTO e BAIXO criam.",
        "Switches the intents `criticidade_alta` and `criticidade_baixa`, which HIGH and LOW facts create, on or off.",
    ),
    word(
        k::IMPORT,
        "Inclui as regras de outro arquivo da mesma pasta.",
        "Takes in the rules of another file of this folder.",
    ),
    word(
        k::FACTS,
        "Fatos do domínio, com criticidade, motivo e ação.",
        "Facts of the domain, with criticality, reason and action.",
    ),
    word(
        k::INTENTS,
        "Intenções: um nome e os padrões que a pergunta diz.",
        "Intents: a name and the patterns that a question says.",
    ),
    word(
        k::EXPANSIONS,
        "Palavras que se somam à busca quando a pergunta tem uma intenção.",
        "Words that are added to the search when a question has an intent.",
    ),
    word(
        k::NORMALISATIONS,
        "Grafias que devem sair sempre iguais: todas trocadas de uma vez, a mais longa primeiro.",
        "Spellings that must always come out alike: all replaced in one pass, the longest first.",
    ),
    word(
        k::RULES,
        "Regras: quando, sob que condições, e o que acontece com a resposta.",
        "Rules: when, on what conditions, and what happens to the answer.",
    ),
    word(
        k::SYNONYMS,
        "Outras palavras para a mesma coisa, aceitas na pergunta.",
        "Other words for the same thing, understood in questions.",
    ),
    word(
        k::TESTS,
        "Casos que provam o arquivo: pergunta, resposta e o que deve sair.",
        "Cases that prove the file: question, answer and what must come out.",
    ),
    word(
        k::HAS_LEVEL,
        "Liga o fato à sua criticidade: ALTO, MÉDIO ou BAIXO.",
        "Gives the fact its criticality: HIGH, MEDIUM or LOW.",
    ),
    word(
        k::HIGH,
        "Criticidade alta; existe então a intenção `criticidade_alta`.",
        "High criticality; the intent `criticidade_alta` then exists.",
    ),
    word(k::MEDIUM, "Criticidade média.", "Medium criticality."),
    word(
        k::LOW,
        "Criticidade baixa; existe então a intenção `criticidade_baixa`.",
        "Low criticality; the intent `criticidade_baixa` then exists.",
    ),
    word(
        k::REASON,
        "Por que o fato é assim; nos textos, `{fatos.criticidade.ALTO[0].motivo}`.",
        "Why the fact is so; in texts, `{facts.criticality.HIGH[0].reason}`.",
    ),
    word(
        k::ACTION,
        "O que fazer; nos textos, `{fatos.criticidade.ALTO[0].ação}`.",
        "What to do; in texts, `{facts.criticality.HIGH[0].action}`.",
    ),
    word(
        k::MUST_CONTAIN,
        "O que a resposta a esta intenção deve dizer; se faltar, o veredito é `contradita`.",
        "What an answer to this intent must say; without it the verdict is `contradicted`.",
    ),
    word(k::FOR, "A intenção cuja busca cresce.", "The intent whose search grows."),
    word(k::ADD, "As palavras que se somam à busca.", "The words that are added to the search."),
    word(
        k::CORRECT_TO,
        "O texto certo: de um termo (normalização) ou da resposta inteira (ação de regra).",
        "The right text: of a term (normalisation) or of the whole answer (a rule's action).",
    ),
    word(
        k::CORRECT,
        "Troca um trecho da resposta por outro, onde quer que apareça.",
        "Replaces one text in the answer by another, wherever it stands.",
    ),
    word(k::TO, "O que fica no lugar.", "What takes its place."),
    word(k::ALSO, "As outras palavras que a pergunta pode usar.", "The other words that a question may use."),
    word(
        k::RULE,
        "O nome da regra; aparece na prova da correção e nos testes.",
        "The rule's name; it appears in the proof of a correction and in tests.",
    ),
    word(
        k::PRIORITY,
        "Regras de prioridade maior falam primeiro; sem ela, 0.",
        "Rules of higher priority speak first; without it, 0.",
    ),
    word(
        k::IN_FORCE,
        "Os dias em que a regra vale, ambos incluídos.",
        "The days on which the rule holds, both included.",
    ),
    word(k::FROM, "O primeiro dia.", "The first day."),
    word(k::UNTIL, "O último dia.", "The last day."),
    word(
        k::WHEN,
        "Quando a regra é olhada: a pergunta diz um destes termos, tem esta intenção, ou sempre.",
        "When the rule is looked at: the question says one of these terms, has this intent, or always.",
    ),
    word(k::ASKS, "A pergunta diz um destes termos.", "The question says one of these terms."),
    word(k::ALWAYS, "Toda pergunta.", "Every question."),
    word(k::INTENT, "A intenção da pergunta.", "The question's intent."),
    word(k::AND, "Mais uma condição; todas devem valer.", "One more condition; all must hold."),
    word(
        k::OR,
        "Outro termo para a condição acima; basta um.",
        "Another term for the condition above; one is enough.",
    ),
    word(k::OR_INLINE, "Outro termo; basta um.", "Another term; one is enough."),
    word(
        k::NOT,
        "O contrário: nenhum dos termos, nenhum valor assim.",
        "The opposite: none of the terms, no such value.",
    ),
    word(k::ANSWER, "O texto da resposta.", "The text of the answer."),
    word(
        k::CONTEXT,
        "Os trechos do documento que a busca encontrou.",
        "The passages of the document that the search found.",
    ),
    word(k::QUESTION, "O texto da pergunta.", "The text of the question."),
    word(
        k::MENTIONS,
        "Um destes termos ocorre. Um termo começa uma palavra; siglas, números e termos curtos são palavras inteiras; `[palavra]` e `[parte]` mudam isso.",
        "One of these terms occurs. A term begins a word; capitals, numbers and short terms are whole words; `[word]` and `[part]` change that.",
    ),
    word(k::HAS, "Um valor ocorre no texto.", "A value occurs in the text."),
    word(
        k::MONEY,
        "Uma quantia: `R$ 10.000,00`, `US$ 5`, `10 mil reais`.",
        "An amount of money: `R$ 10.000,00`, `US$ 5`.",
    ),
    word(k::PERCENT, "Uma porcentagem: `12,5%`.", "A percentage: `12,5%`."),
    word(k::NUMBER, "Um número sem unidade.", "A number without a unit."),
    word(
        k::DATE,
        "Uma data: `31/12/2026`, `2026-12-31`, `31 de dezembro de 2026`.",
        "A date: `31/12/2026`, `2026-12-31`.",
    ),
    word(
        k::CPF,
        "Um CPF; `válido` e `inválido` olham os dígitos verificadores.",
        "A CPF; `valid` and `invalid` look at its check digits.",
    ),
    word(
        k::CNPJ,
        "Um CNPJ; `válido` e `inválido` olham os dígitos verificadores.",
        "A CNPJ; `valid` and `invalid` look at its check digits.",
    ),
    word(k::ABOVE, "Maior que o valor, ou depois da data.", "More than the value, or after the date."),
    word(k::AT_LEAST, "Igual ou maior.", "Equal or more."),
    word(k::BELOW, "Menor que o valor, ou antes da data.", "Less than the value, or before the date."),
    word(k::AT_MOST, "Igual ou menor.", "Equal or less."),
    word(k::EQUAL, "Igual.", "Equal."),
    word(k::OTHER, "Diferente.", "Different."),
    word(k::BETWEEN, "Entre dois valores, ambos incluídos.", "Between two values, both included."),
    word(k::VALID, "Os dígitos verificadores conferem.", "The check digits are right."),
    word(k::INVALID, "Os dígitos verificadores não conferem.", "The check digits are wrong."),
    word(
        k::OUTSIDE,
        "Um valor da resposta que os trechos encontrados não dizem.",
        "A value of the answer that the passages found do not say.",
    ),
    word(k::PAGE, "A página do melhor trecho encontrado.", "The page of the best passage found."),
    word(
        k::CONFIDENCE,
        "O quanto a resposta é segura, de 0 a 1 ou em %.",
        "How sure the answer is, 0 to 1 or in %.",
    ),
    word(
        k::METADATA,
        "Um dado do documento, dado no envio.",
        "A fact about the document, given when it was uploaded.",
    ),
    word(k::THEN, "O que acontece com a resposta.", "What happens to the answer."),
    word(
        k::KEEP,
        "A resposta fica como está, e nenhuma regra depois desta é olhada.",
        "The answer stays, and no rule after this one is asked.",
    ),
    word(k::APPEND, "Soma um texto ao fim da resposta.", "Adds a text after the answer."),
    word(k::PREFIX, "Põe um texto antes da resposta.", "Puts a text before the answer."),
    word(
        k::FLAG,
        "Deixa a resposta e a marca com um aviso.",
        "Leaves the answer and marks it with a remark.",
    ),
    word(
        k::REFUSE,
        "Retém a resposta e diz isto em seu lugar.",
        "Withholds the answer and says this instead.",
    ),
    word(
        k::TEST,
        "Um teste: pergunta, resposta e o que se espera.",
        "A test: question, answer and what is expected.",
    ),
    word(
        k::TODAY,
        "O dia do teste, para regras com vigência.",
        "The test's day, for rules that hold for a time.",
    ),
    word(
        k::EXPECT,
        "O que deve sair: veredito, resposta, regra ou intenção.",
        "What must come out: verdict, answer, rule or intent.",
    ),
    word(
        k::VERDICT,
        "válida, corrigida, contradita, sem suporte, não se aplica, complexa demais.",
        "valid, corrected, contradicted, unsupported, not applicable, too complex.",
    ),
    word(k::NO_RULE, "Nenhuma regra age.", "No rule acts."),
    word(k::CONTAINS, "A resposta final diz isto.", "The final answer says this."),
    word(k::YES, "Ligado.", "On."),
    word(k::NO, "Desligado.", "Off."),
];
