//! The words that can be offered, in both languages, with what they do.

/// Something that the language knows.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) pt: &'static str,
    pub(super) en: &'static str,
    pub(super) about_pt: &'static str,
    pub(super) about_en: &'static str,
}

const fn offer(pt: &'static str, en: &'static str, about_pt: &'static str, about_en: &'static str) -> Offer {
    Offer { pt, en, about_pt, about_en }
}

pub(super) const HEADINGS: &[Offer] = &[
    offer("DOMÍNIO: ", "DOMAIN: ", "o assunto", "the subject"),
    offer("FATOS CONHECIDOS:", "KNOWN FACTS:", "fatos e criticidade", "facts and criticality"),
    offer("PADRÕES DE INTENÇÃO:", "INTENT PATTERNS:", "o que a pergunta quer", "what a question wants"),
    offer("EXPANSÃO DE BUSCA:", "SEARCH EXPANSION:", "palavras para a busca", "words for the search"),
    offer("NORMALIZAR TERMOS:", "NORMALIZE TERMS:", "grafias", "spellings"),
    offer("REGRAS DE VALIDAÇÃO:", "VALIDATION RULES:", "regras", "rules"),
    offer("SINÔNIMOS:", "SYNONYMS:", "outras palavras", "other words"),
    offer("TESTES:", "TESTS:", "testes", "tests"),
    offer("INTENÇÕES AUTOMÁTICAS: ", "AUTOMATIC INTENTS: ", "sim ou não", "yes or no"),
    offer("IMPORTAR \"", "IMPORT \"", "outro arquivo", "another file"),
];

pub(super) const RULE: &[Offer] = &[
    offer("QUANDO usuário pergunta \"", "WHEN user asks \"", "a pergunta diz", "the question says"),
    offer("QUANDO intenção \"", "WHEN intent \"", "a pergunta tem a intenção", "the question has the intent"),
    offer("QUANDO sempre", "WHEN always", "toda pergunta", "every question"),
    offer("REGRA \"", "RULE \"", "o nome da regra", "the rule's name"),
];
pub(super) const TRIGGERS: &[Offer] = &[
    offer("usuário pergunta \"", "user asks \"", "a pergunta diz", "the question says"),
    offer("intenção \"", "intent \"", "a pergunta tem a intenção", "the question has the intent"),
    offer("sempre", "always", "toda pergunta", "every question"),
];
pub(super) const ASKS: &[Offer] = &[offer("pergunta \"", "asks \"", "a pergunta diz", "the question says")];
pub(super) const ATTRIBUTES: &[Offer] = &[
    offer("PRIORIDADE ", "PRIORITY ", "maior fala primeiro", "higher speaks first"),
    offer("VIGENTE DE ", "IN FORCE FROM ", "o primeiro dia", "the first day"),
    offer("VIGENTE ATÉ ", "IN FORCE UNTIL ", "o último dia", "the last day"),
];
pub(super) const PERIOD: &[Offer] = &[
    offer("DE ", "FROM ", "o primeiro dia", "the first day"),
    offer("ATÉ ", "UNTIL ", "o último dia", "the last day"),
];

pub(super) const RULE_BODY: &[Offer] = &[
    offer("E resposta menciona \"", "AND answer mentions \"", "a resposta diz", "the answer says"),
    offer(
        "E resposta NÃO menciona \"",
        "AND answer does NOT mention \"",
        "a resposta não diz",
        "the answer does not say",
    ),
    offer("E resposta tem ", "AND answer has ", "um valor na resposta", "a value in the answer"),
    offer("E contexto menciona \"", "AND context mentions \"", "os trechos dizem", "the passages say"),
    offer(
        "E contexto NÃO menciona \"",
        "AND context does NOT mention \"",
        "os trechos não dizem",
        "the passages do not say",
    ),
    offer("E pergunta menciona \"", "AND question mentions \"", "a pergunta diz", "the question says"),
    offer("E página ", "AND page ", "a página do melhor trecho", "the page of the best passage"),
    offer("E confiança ", "AND confidence ", "o quanto é segura", "how sure it is"),
    offer("E metadado \"", "AND metadata \"", "um dado do documento", "a fact about the document"),
    offer("OU \"", "OR \"", "outro termo", "another term"),
    offer("ENTÃO corrigir para:", "THEN correct to:", "substitui a resposta", "replaces the answer"),
    offer("ENTÃO corrigir \"", "THEN correct \"", "troca um trecho", "replaces a part"),
    offer("ENTÃO manter resposta", "THEN keep answer", "nada muda", "nothing changes"),
    offer("ENTÃO acrescentar: ", "THEN append: ", "texto ao fim", "text after it"),
    offer("ENTÃO prefixar: ", "THEN prefix: ", "texto antes", "text before it"),
    offer("ENTÃO sinalizar: ", "THEN flag: ", "um aviso", "a remark"),
    offer("ENTÃO recusar: ", "THEN refuse: ", "retém a resposta", "withholds the answer"),
    offer("PRIORIDADE ", "PRIORITY ", "maior fala primeiro", "higher speaks first"),
    offer("VIGENTE DE ", "IN FORCE FROM ", "o primeiro dia", "the first day"),
];
pub(super) const SUBJECTS: &[Offer] = &[
    offer("resposta ", "answer ", "o texto da resposta", "the text of the answer"),
    offer("contexto ", "context ", "os trechos encontrados", "the passages found"),
    offer("pergunta ", "question ", "o texto da pergunta", "the text of the question"),
    offer("página ", "page ", "a página do melhor trecho", "the page of the best passage"),
    offer("confiança ", "confidence ", "o quanto é segura", "how sure it is"),
    offer("metadado \"", "metadata \"", "um dado do documento", "a fact about the document"),
];
pub(super) const TESTS: &[Offer] = &[
    offer("menciona \"", "mentions \"", "diz um termo", "says a term"),
    offer("NÃO menciona \"", "does NOT mention \"", "não diz", "does not say"),
    offer("tem ", "has ", "um valor", "a value"),
    offer("NÃO tem ", "does NOT have ", "nenhum valor assim", "no such value"),
];
pub(super) const TESTS_NEGATED: &[Offer] = &[
    offer("menciona \"", "mention \"", "diz um termo", "says a term"),
    offer("tem ", "have ", "um valor", "a value"),
];
pub(super) const KINDS: &[Offer] = &[
    offer("valor ", "amount ", "R$ 10.000,00", "R$ 10.000,00"),
    offer("percentual ", "percentage ", "12,5%", "12,5%"),
    offer("número ", "number ", "10", "10"),
    offer("data ", "date ", "31/12/2026", "31/12/2026"),
    offer("CPF ", "CPF ", "000.000.000-00", "000.000.000-00"),
    offer("CNPJ ", "CNPJ ", "00.000.000/0000-00", "00.000.000/0000-00"),
];
pub(super) const COMPARISONS: &[Offer] = &[
    offer("maior que ", "greater than ", ">", ">"),
    offer("menor que ", "less than ", "<", "<"),
    offer("no mínimo ", "at least ", "≥", "≥"),
    offer("no máximo ", "at most ", "≤", "≤"),
    offer("igual a ", "equal to ", "=", "="),
    offer("diferente de ", "different from ", "≠", "≠"),
    offer("entre ", "between ", "entre 1 e 2", "between 1 and 2"),
    offer("posterior a ", "after ", "depois da data", "after the date"),
    offer("anterior a ", "before ", "antes da data", "before the date"),
    offer("fora do contexto", "outside the context", "os trechos não o dizem", "the passages do not say it"),
];
pub(super) const DIGITS: &[Offer] = &[
    offer("válido", "valid", "dígitos conferem", "check digits are right"),
    offer("inválido", "invalid", "dígitos não conferem", "check digits are wrong"),
    offer("fora do contexto", "outside the context", "os trechos não o dizem", "the passages do not say it"),
];
pub(super) const METADATA: &[Offer] = &[
    offer("igual a \"", "equal to \"", "exatamente", "exactly"),
    offer("menciona \"", "mentions \"", "diz um termo", "says a term"),
    offer("maior que ", "greater than ", ">", ">"),
    offer("menor que ", "less than ", "<", "<"),
    offer("posterior a ", "after ", "depois da data", "after the date"),
    offer("anterior a ", "before ", "antes da data", "before the date"),
];
pub(super) const ACTIONS: &[Offer] = &[
    offer("corrigir para:", "correct to:", "substitui a resposta", "replaces the answer"),
    offer("corrigir \"", "correct \"", "troca um trecho", "replaces a part"),
    offer("manter resposta", "keep answer", "nada muda", "nothing changes"),
    offer("acrescentar: ", "append: ", "texto ao fim", "text after it"),
    offer("prefixar: ", "prefix: ", "texto antes", "text before it"),
    offer("sinalizar: ", "flag: ", "um aviso", "a remark"),
    offer("recusar: ", "refuse: ", "retém a resposta", "withholds the answer"),
];
pub(super) const CORRECT: &[Offer] = &[offer("para:", "to:", "o texto certo", "the right text")];
pub(super) const TO: &[Offer] = &[offer("para: \"", "to: \"", "o que fica no lugar", "what takes its place")];

pub(super) const FACT: &[Offer] = &[
    offer("A licença ", "The license ", "… tem criticidade ALTO.", "… has criticality HIGH."),
    offer("O ", "The ", "… tem criticidade ALTO.", "… has criticality HIGH."),
];
pub(super) const FACT_BODY: &[Offer] = &[
    offer("Motivo: ", "Reason: ", "por que é assim", "why it is so"),
    offer("Ação: ", "Action: ", "o que fazer", "what to do"),
];
pub(super) const LEVELS: &[Offer] = &[
    offer("ALTO.", "HIGH.", "criticidade alta", "high criticality"),
    offer("MÉDIO.", "MEDIUM.", "criticidade média", "medium criticality"),
    offer("BAIXO.", "LOW.", "criticidade baixa", "low criticality"),
];
pub(super) const INTENT_BODY: &[Offer] = &[
    offer("- \"", "- \"", "um padrão", "a pattern"),
    offer(
        "Resposta deve conter: \"",
        "Answer must contain: \"",
        "o que a resposta diz",
        "what the answer says",
    ),
];
pub(super) const ADD: &[Offer] = &[
    offer("adicionar: \"", "add: \"", "palavras para a busca", "words for the search"),
    offer("buscar: \"", "search: \"", "palavras para a busca", "words for the search"),
];
pub(super) const NORMALISATION: &[Offer] =
    &[offer("\"", "\"", "\"a\" corrigir para: \"b\"", "\"a\" correct to: \"b\"")];
pub(super) const CORRECT_TO: &[Offer] =
    &[offer("corrigir para: \"", "correct to: \"", "a grafia certa", "the right spelling")];
pub(super) const SYNONYM: &[Offer] =
    &[offer("\"", "\"", "\"a\" também pode ser: \"b\"", "\"a\" may also be: \"b\"")];
pub(super) const ALSO: &[Offer] =
    &[offer("também pode ser: \"", "may also be: \"", "outras palavras", "other words")];
pub(super) const SWITCH: &[Offer] =
    &[offer("sim", "yes", "ligadas", "on"), offer("não", "no", "desligadas", "off")];
pub(super) const REACH: &[Offer] = &[
    offer("[palavra]", "[word]", "palavra inteira", "a whole word"),
    offer("[parte]", "[part]", "qualquer parte", "anywhere"),
    offer("[prefixo]", "[prefix]", "começo de palavra", "the beginning of a word"),
];
pub(super) const CASE: &[Offer] =
    &[offer("[case-sensitive]", "[case-sensitive]", "só nesta caixa", "only in this case")];

pub(super) const TEST: &[Offer] = &[offer("TESTE \"", "TEST \"", "um caso", "a case")];
pub(super) const TEST_BODY: &[Offer] = &[
    offer("pergunta: ", "question: ", "a pergunta", "the question"),
    offer("resposta: ", "answer: ", "a resposta antes das regras", "the answer before the rules"),
    offer("contexto: ", "context: ", "um trecho", "a passage"),
    offer("página: ", "page: ", "a página do trecho", "the passage's page"),
    offer("confiança: ", "confidence: ", "80%", "80%"),
    offer("metadado \"", "metadata \"", "um dado do documento", "a fact about the document"),
    offer("hoje: ", "today: ", "31/12/2026", "31/12/2026"),
    offer("espera veredito: ", "expect verdict: ", "o veredito", "the verdict"),
    offer("espera resposta: ", "expect answer: ", "a resposta exata", "the exact answer"),
    offer(
        "espera resposta contém: ",
        "expect answer contains: ",
        "parte da resposta",
        "a part of the answer",
    ),
    offer("espera regra: ", "expect rule: ", "a regra que age", "the rule that acts"),
    offer("espera nenhuma regra", "expect no rule", "nenhuma age", "none acts"),
    offer("espera intenção: ", "expect intent: ", "a intenção", "the intent"),
];
pub(super) const EXPECTATIONS: &[Offer] = &[
    offer("veredito: ", "verdict: ", "o veredito", "the verdict"),
    offer("resposta: ", "answer: ", "a resposta exata", "the exact answer"),
    offer("resposta contém: ", "answer contains: ", "parte da resposta", "a part of the answer"),
    offer("regra: ", "rule: ", "a regra que age", "the rule that acts"),
    offer("nenhuma regra", "no rule", "nenhuma age", "none acts"),
    offer("intenção: ", "intent: ", "a intenção", "the intent"),
];
