//! The words of the language: folded, and as they are usually written, in Portuguese and in English.

/// The spellings of one word: folded, and usual.
pub type Forms = &'static [(&'static str, &'static str)];

macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident = $($folded:literal => $shown:literal),+;)*) => {
        $($(#[$doc])* pub const $name: Forms = &[$(($folded, $shown)),+];)*
    };
}

forms! {
    /// Heading of the domain.
    DOMAIN = "dominio" => "DOMÍNIO", "domain" => "DOMAIN";
    /// Switches the intents that come with criticality on or off.
    AUTOMATIC = "intencoes automaticas" => "INTENÇÕES AUTOMÁTICAS", "automatic intents" => "AUTOMATIC INTENTS";
    /// Takes in another file.
    IMPORT = "importar" => "IMPORTAR", "import" => "IMPORT";
    /// Heading of the facts.
    FACTS = "fatos conhecidos" => "FATOS CONHECIDOS", "known facts" => "KNOWN FACTS";
    /// Heading of the intents.
    INTENTS = "padroes de intencao" => "PADRÕES DE INTENÇÃO", "intent patterns" => "INTENT PATTERNS";
    /// Heading of the expansions.
    EXPANSIONS = "expansao de busca" => "EXPANSÃO DE BUSCA", "search expansion" => "SEARCH EXPANSION";
    /// Heading of the normalisations.
    NORMALISATIONS = "normalizar termos" => "NORMALIZAR TERMOS", "normalize terms" => "NORMALIZE TERMS",
        "normalise terms" => "NORMALISE TERMS";
    /// Heading of the rules.
    RULES = "regras de validacao" => "REGRAS DE VALIDAÇÃO", "validation rules" => "VALIDATION RULES";
    /// Heading of the synonyms.
    SYNONYMS = "sinonimos" => "SINÔNIMOS", "synonyms" => "SYNONYMS";
    /// Heading of the tests.
    TESTS = "testes" => "TESTES", "tests" => "TESTS";

    /// Before a fact's name.
    ARTICLE = "a/o" => "A/O", "o/a" => "O/A", "as" => "As", "os" => "Os", "a" => "A", "o" => "O",
        "the" => "The", "an" => "An";
    /// A noun that is not part of a fact's name.
    LICENCE = "licenca" => "licença", "licence" => "licence", "license" => "license";
    /// Between a fact's name and its level.
    HAS_LEVEL = "tem criticidade" => "tem criticidade", "have criticality" => "have criticality",
        "has criticality" => "has criticality";
    /// Very critical.
    HIGH = "alto" => "ALTO", "alta" => "ALTO", "high" => "HIGH";
    /// Critical.
    MEDIUM = "medio" => "MÉDIO", "media" => "MÉDIO", "medium" => "MEDIUM";
    /// Hardly critical.
    LOW = "baixo" => "BAIXO", "baixa" => "BAIXO", "low" => "LOW";
    /// Why a fact is so.
    REASON = "motivo" => "Motivo", "reason" => "Reason";
    /// What to do about a fact.
    ACTION = "acao" => "Ação", "action" => "Action";

    /// What an answer to an intent must say.
    MUST_CONTAIN = "resposta deve conter" => "Resposta deve conter", "answer must contain" => "Answer must contain";
    /// Begins an expansion.
    FOR = "para" => "Para", "for" => "For";
    /// Before an expansion's terms.
    ADD = "adicionar" => "adicionar", "buscar" => "buscar", "add" => "add", "search" => "search";
    /// Between the two sides of a normalisation; also an action.
    CORRECT_TO = "corrigir para" => "corrigir para", "correct to" => "correct to";
    /// Before the text that is replaced.
    CORRECT = "corrigir" => "corrigir", "correct" => "correct";
    /// Before the text that replaces.
    TO = "para" => "para", "to" => "to";
    /// Between a word and its synonyms.
    ALSO = "tambem pode ser" => "também pode ser", "may also be" => "may also be", "can also be" => "can also be";

    /// A rule's name.
    RULE = "regra" => "REGRA", "rule" => "RULE";
    /// A rule's rank.
    PRIORITY = "prioridade" => "PRIORIDADE", "priority" => "PRIORITY";
    /// The days on which a rule holds.
    IN_FORCE = "vigente" => "VIGENTE", "in force" => "IN FORCE";
    /// The first day.
    FROM = "a partir de" => "A PARTIR DE", "desde" => "DESDE", "de" => "DE", "from" => "FROM";
    /// The last day.
    UNTIL = "ate" => "ATÉ", "until" => "UNTIL", "to" => "TO";
    /// Begins a rule.
    WHEN = "quando" => "QUANDO", "when" => "WHEN";
    /// Who asks.
    USER = "o usuario" => "o usuário", "usuario" => "usuário", "the user" => "the user", "user" => "user";
    /// What the user does.
    ASKS = "perguntar sobre" => "perguntar sobre", "pergunta sobre" => "pergunta sobre", "perguntar" => "perguntar",
        "pergunta" => "pergunta", "asks about" => "asks about", "asks" => "asks";
    /// A rule for every question.
    ALWAYS = "sempre" => "sempre", "always" => "always";
    /// A rule for one intent.
    INTENT = "intencao" => "intenção", "intent" => "intent";
    /// A condition.
    AND = "e" => "E", "and" => "AND";
    /// An alternative.
    OR = "ou" => "OU", "or" => "OR";
    /// An alternative in the same line.
    OR_INLINE = "ou" => "ou", "or" => "or";
    /// The opposite.
    NOT = "nao" => "NÃO", "does not" => "does NOT", "not" => "NOT";
    /// About the answer.
    ANSWER = "a resposta" => "a resposta", "resposta" => "resposta", "the answer" => "the answer", "answer" => "answer";
    /// About the passages.
    CONTEXT = "o contexto" => "o contexto", "contexto" => "contexto", "the context" => "the context",
        "context" => "context";
    /// About the question.
    QUESTION = "a pergunta" => "a pergunta", "pergunta" => "pergunta", "the question" => "the question",
        "question" => "question";
    /// A text says.
    MENTIONS = "menciona" => "menciona", "contem" => "contém", "mentions" => "mentions", "mention" => "mention",
        "contains" => "contains", "contain" => "contain";
    /// A text has a value.
    HAS = "tem" => "tem", "has" => "has", "have" => "have";
    /// Money.
    MONEY = "valor" => "valor", "amount" => "amount";
    /// A percentage.
    PERCENT = "percentual" => "percentual", "porcentagem" => "porcentagem", "percentage" => "percentage";
    /// A number.
    NUMBER = "numero" => "número", "number" => "number";
    /// A day.
    DATE = "data" => "data", "date" => "date";
    /// A person's tax number.
    CPF = "cpf" => "CPF";
    /// A company's tax number.
    CNPJ = "cnpj" => "CNPJ";
    /// `>`
    ABOVE = "maior que" => "maior que", "maior do que" => "maior que", "posterior a" => "posterior a",
        "depois de" => "depois de", "acima de" => "acima de", "greater than" => "greater than",
        "after" => "after", "above" => "above";
    /// `>=`
    AT_LEAST = "maior ou igual a" => "maior ou igual a", "no minimo" => "no mínimo", "at least" => "at least";
    /// `<`
    BELOW = "menor que" => "menor que", "menor do que" => "menor que", "anterior a" => "anterior a",
        "antes de" => "antes de", "abaixo de" => "abaixo de", "less than" => "less than", "before" => "before",
        "below" => "below";
    /// `<=`
    AT_MOST = "menor ou igual a" => "menor ou igual a", "no maximo" => "no máximo", "at most" => "at most";
    /// `=`
    EQUAL = "igual a" => "igual a", "equal to" => "equal to", "e" => "é", "is" => "is";
    /// `!=`
    OTHER = "diferente de" => "diferente de", "different from" => "different from";
    /// Both ends included.
    BETWEEN = "entre" => "entre", "between" => "between";
    /// Between the ends.
    BETWEEN_AND = "e" => "e", "and" => "and";
    /// Right check digits.
    VALID = "valido" => "válido", "valid" => "valid";
    /// Wrong check digits.
    INVALID = "invalido" => "inválido", "invalid" => "invalid";
    /// Not in the passages.
    OUTSIDE = "fora do contexto" => "fora do contexto", "outside the context" => "outside the context",
        "not in context" => "not in context";
    /// The page of the best passage.
    PAGE = "a pagina" => "a página", "pagina" => "página", "the page" => "the page", "page" => "page";
    /// How sure the answer is.
    CONFIDENCE = "a confianca" => "a confiança", "confianca" => "confiança", "the confidence" => "the confidence",
        "confidence" => "confidence";
    /// The document's metadata.
    METADATA = "metadado" => "metadado", "metadata" => "metadata";
    /// Begins the consequence.
    THEN = "entao" => "ENTÃO", "then" => "THEN";
    /// The answer stays.
    KEEP = "manter a resposta" => "manter a resposta", "manter resposta" => "manter resposta",
        "keep the answer" => "keep the answer", "keep answer" => "keep answer";
    /// Text after the answer.
    APPEND = "acrescentar" => "acrescentar", "append" => "append";
    /// Text before the answer.
    PREFIX = "prefixar" => "prefixar", "prefix" => "prefix";
    /// A remark on the answer.
    FLAG = "sinalizar" => "sinalizar", "flag" => "flag";
    /// The answer is withheld.
    REFUSE = "recusar" => "recusar", "refuse" => "refuse";

    /// Begins a test.
    TEST = "teste" => "TESTE", "test" => "TEST";
    /// The day on which a test asks.
    TODAY = "hoje" => "hoje", "today" => "today";
    /// Before an expectation.
    EXPECT = "espera" => "espera", "expect" => "expect";
    /// An expectation about the verdict.
    VERDICT = "veredito" => "veredito", "veredicto" => "veredito", "verdict" => "verdict";
    /// An expectation that no rule acts.
    NO_RULE = "nenhuma regra" => "nenhuma regra", "no rule" => "no rule";
    /// An expectation about a part of the answer.
    CONTAINS = "contem" => "contém", "contains" => "contains";
    /// On.
    YES = "sim" => "sim", "yes" => "yes";
    /// Off.
    NO = "nao" => "não", "no" => "no";
}
