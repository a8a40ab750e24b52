//! The catalogue: every problem's code, weight and message.

use super::{Language, Severity};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $severity:ident $pt:literal / $en:literal;)*) => {
        /// Which problem; `dkr explain CODE` tells the whole story.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// `D0001` and so on; never used again for another problem.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)* }
            }

            /// The message, `{0}` and `{1}` standing for what it names.
            pub fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Code::$name, Language::Portuguese) => $pt,
                      (Code::$name, Language::English) => $en,)*
                }
            }

            /// Its page: what it means, an example and its repair, in both languages.
            pub fn page(self) -> &'static str {
                match self { $(Code::$name => include_str!(concat!("../../pages/", $code, ".md")),)* }
            }
        }
    };
}

impl Code {
    /// The code with this name, in any case.
    pub fn named(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(name.trim()))
    }
}

codes! {
    /// A line that is no item of its section.
    UnknownLine = "D0001" Error "linha não reconhecida" / "line not recognised";
    /// An item before the first heading.
    OutsideSection = "D0002" Error "texto fora de qualquer seção" / "text outside any section";
    /// A heading that does not exist.
    UnknownHeading = "D0003" Error "título de seção desconhecido: {0}" / "unknown section heading: {0}";
    /// A quote that is not closed.
    OpenQuote = "D0004" Error "aspas abertas e não fechadas" / "quote opened and not closed";
    /// An option in brackets that does not exist.
    UnknownOption = "D0005" Error "opção desconhecida: [{0}]" / "unknown option: [{0}]";
    /// Something after the end of an item.
    Trailing = "D0006" Error "sobra texto depois do fim do item: {0}" / "text left after the end of the item: {0}";
    /// A rule without `ENTÃO`.
    NoConsequence = "D0007" Error "regra sem ENTÃO: ela não faria nada" / "rule without THEN: it would do nothing";
    /// `corrigir para:` and nothing.
    EmptyTemplate = "D0008" Error "a ação não tem texto" / "the action has no text";
    /// `OU` without a condition that it could belong to.
    LooseAlternative = "D0009" Error "OU sem uma condição de termos acima" / "OR without a condition of terms above it";
    /// A value that cannot be read.
    BadValue = "D0010" Error "valor não compreendido: {0}" / "value not understood: {0}";
    /// A level other than the three.
    UnknownLevel = "D0011" Error "criticidade desconhecida: {0}" / "unknown criticality: {0}";
    /// An action that does not exist.
    UnknownAction = "D0012" Error "ação desconhecida: {0}" / "unknown action: {0}";
    /// A term without letters.
    EmptyTerm = "D0013" Error "termo vazio" / "empty term";
    /// A variable that does not exist.
    UnknownVariable = "D0014" Error "variável desconhecida: {0}" / "unknown variable: {0}";
    /// A fact that does not exist.
    NoSuchFact = "D0015" Error "não existe o fato {0}: a lista tem {1}, contados a partir de zero" / "there is no fact {0}: the list has {1}, counted from zero";
    /// Two rules of one name.
    SameName = "D0016" Error "já existe uma regra com o nome {0}" / "there is already a rule named {0}";
    /// A file that is not there.
    ImportMissing = "D0017" Error "arquivo importado não encontrado: {0}" / "imported file not found: {0}";
    /// Files that import each other, or too deep.
    ImportCycle = "D0018" Error "importação em círculo ou profunda demais: {0}" / "import in a circle or too deep: {0}";
    /// More than the bounds allow.
    TooLarge = "D0019" Error "grande demais: {0} (limite: {1})" / "too large: {0} (limit: {1})";
    /// A test that tests nothing.
    IncompleteTest = "D0020" Error "teste incompleto: falta {0}" / "incomplete test: {0} is missing";
    /// A period that ends before it begins.
    EmptyPeriod = "D0021" Error "a vigência termina antes de começar" / "the period ends before it begins";
    /// A rule for an intent that does not exist.
    UnknownIntent = "D0022" Error "intenção não declarada: {0}" / "intent not declared: {0}";
    /// A fact by number in a list that was not understood.
    BrokenFacts = "D0023" Error "a lista de fatos tem erros; o número do fato não é confiável" / "the list of facts has errors; the fact's number cannot be trusted";
    /// A rule without `QUANDO`.
    NoTrigger = "D0024" Error "regra sem QUANDO" / "rule without WHEN";
    /// An import that has errors of its own.
    ImportBroken = "D0025" Error "o arquivo importado {0} tem erros: {1}" / "the imported file {0} has errors: {1}";
    /// A file that is no text.
    NotText = "D0026" Error "o arquivo não é texto UTF-8" / "the file is not UTF-8 text";

    /// Rules that can never act.
    Unreachable = "D0101" Warning "esta regra nunca age: a regra {0} sempre decide antes" / "this rule never acts: rule {0} always decides first";
    /// A rule that another hides.
    Shadowed = "D0102" Warning "quando esta regra vale, a regra {0} já decidiu" / "whenever this rule holds, rule {0} has decided already";
    /// A condition for a text that is never left standing.
    Normalised = "D0103" Warning "a resposta nunca contém {0}: a normalização o troca por {1}" / "the answer never says {0}: the normalisation turns it into {1}";
    /// Conditions that exclude each other.
    Contradiction = "D0104" Warning "as condições se excluem: {0}" / "the conditions exclude each other: {0}";
    /// A condition that says nothing new.
    Redundant = "D0105" Warning "condição repetida: {0}" / "repeated condition: {0}";
    /// An expansion for no intent.
    ExpansionWithoutIntent = "D0106" Warning "expansão para intenção não declarada: {0}" / "expansion for an intent that is not declared: {0}";
    /// Two normalisations of one text.
    SameNormalisation = "D0107" Warning "{0} já é normalizado acima" / "{0} is normalised above already";
    /// Normalisations that lead back.
    NormalisationCycle = "D0108" Warning "normalizações em círculo: {0}" / "normalisations in a circle: {0}";
    /// A normalisation that changes nothing.
    NormalisationToItself = "D0109" Warning "os dois lados são iguais; só a caixa das letras muda" / "both sides are equal; only the case of letters changes";
    /// A fact twice.
    DuplicateFact = "D0110" Warning "fato repetido: {0}" / "repeated fact: {0}";
    /// A rule that nothing tests.
    Untested = "D0111" Warning "nenhum teste faz agir a regra {0}" / "no test makes rule {0} act";
    /// A match that nearly every text has.
    Unbounded = "D0112" Warning "casa com quase qualquer texto: {0}" / "matches nearly any text: {0}";
    /// A pattern twice.
    DuplicatePattern = "D0113" Warning "padrão repetido: {0}" / "repeated pattern: {0}";
    /// An intent twice.
    IntentTwice = "D0114" Warning "a intenção {0} já existe; os padrões foram somados" / "the intent {0} exists already; the patterns were added to it";
    /// No `DOMÍNIO:`.
    NoDomain = "D0115" Warning "falta DOMÍNIO: no começo do arquivo" / "DOMAIN: is missing at the top of the file";
    /// An intent that no question can have.
    IntentWithoutPattern = "D0116" Warning "a intenção {0} não tem padrões" / "the intent {0} has no patterns";
    /// A correction that a rule would correct.
    Conflict = "D0117" Warning "o texto desta regra é contestado pela regra {0}" / "the text of this rule is disputed by rule {0}";
    /// A prepared text at the margin.
    TemplateAtMargin = "D0118" Warning "o texto da ação não tem recuo; ele só termina no próximo título ou QUANDO" / "the text of the action is not indented; only the next heading or WHEN ends it";
    /// An intent that looks like a heading.
    IntentLikeHeading = "D0119" Warning "{0} virou uma intenção; se era um título, ele não existe" / "{0} became an intent; if it was meant as a heading, there is none of that name";
    /// Quotes of two kinds around one text.
    MixedQuotes = "D0120" Warning "aspas de dois tipos" / "quotes of two kinds";
}
