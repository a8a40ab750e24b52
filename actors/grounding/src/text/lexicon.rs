//! What single words do in a question or a sentence: function words, negators, words of like meaning.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::stem;

/// Folded words that carry no content; Portuguese, then English.
const FUNCTION_WORDS: &str = "a o as os um uma uns umas de da do das dos em na no nas nos num numa ao aos por pelo pela \
    pelos pelas para pra com sem sob sobre entre ate apos desde e ou mas nem que se como quando onde quem qual \
    quais quanto quanta quantos quantas cujo cuja cujos cujas este esta estes estas esse essa esses essas isto isso \
    aquele aquela aqueles aquelas aquilo seu sua seus suas meu minha ele ela eles elas lhe lhes me te nos vos eu tu voce \
    voces ja nao sim tambem muito mais menos ser e sao foi foram era eram seja sejam sera serao sido sendo estar esta \
    estao estava estavam este ha havia houve haver ter tem teve tinha tera tido tenha d l s qualquer cada todo toda todos \
    todas algum alguma alguns algumas outro outra outros outras mesmo mesma entao assim porque pois porem so apenas ainda \
    the an of in on at to for from by with without about into over under between after before until and or but not is \
    are was were be been being am do does did done has have had having will would shall should can could may might must \
    this that these those it its he she they them his her their there here what which who whom whose when where why how \
    much many any some all each no yes if then than as so long such also only own per i you we my your our";

/// Verbs and nouns that nearly every question uses; they ask rather than say what about.
const GENERIC: &str = "ocorrer ocorreu ocorreram acontecer aconteceu realizar realizado realizada realizou ficar ficou ficaram fica mencionar \
    mencionam menciona mencionado citar cita citam citado citados constar consta constam existir existe existem indicar indica \
    indicado informar informa informado dizer diz dar deu fazer fez feito feita dever deve devem precisar precisa poder pode podem \
    possuir possui conter contem trata tratar usar nome nomes tipo tipos caso dia data prevista previsto previstos previstas \
    referente respectivo seguinte seguintes definido definida estabelecido estabelecida chama chamar chamado qual sao conforme acordo segundo \
    happen happened take took place mention mentioned mentions name names called call exist exists state stated states say says \
    give given make made type kind list set according specified occurs occur responder pergunta quais atual total numero number include includes incluir inclui diferenca difference motivo reason finalidade purpose";

/// Nouns for the document itself; a question about it names what every page is about.
const DOCUMENT_NOUNS: &str = "documento contrato parecer ata escritura relatorio laudo termo texto instrumento arquivo \
    document contract agreement report minutes deed file text opinion paper presente";

const NEGATORS: &str = "nao nem sem nunca jamais nenhum nenhuma tampouco vedado vedada vedados vedadas proibido proibida \
    proibidos inexiste inexistem inexistente exceto salvo estranha estranho indeferido indeferida rejeitado rejeitada rejeitados rejeitadas reprovado reprovada rejected \
    dispensado dispensada isento isenta not no never none neither nor without cannot prohibited forbidden excluded waived";

/// Groups of like meaning, general to contracts, minutes, deeds, reports and licences.
const GROUPS: &[&str] = &[
    "valor preco custo montante quantia importancia custou custa custar value price cost amount fee barato barata caro cara cheap cheapest expensive",
    "aluguel locaticio rent rental",
    "prazo periodo duracao vigencia term period duration deadline",
    "assinar assina assinou subscreve subscrito signatario assinatura sign signed signature signatory",
    "vendedor vendedora alienante seller vendor fornecedor fornecedora supplier",
    "comprador compradora adquirente buyer purchaser contratante customer",
    "locador locadora proprietario landlord lessor",
    "locatario locataria inquilino inquilina tenant lessee",
    "fiador fiadora garantidor guarantor",
    "conjuge marido esposo esposa mulher companheiro companheira spouse husband wife",
    "falecer faleceu falecimento obito morte morreu falecido falecida death died",
    "falecido falecida autora autor cujus deceased",
    "herdeiro herdeira herdeiros sucessao sucessor heranca heir",
    "reuniao assembleia sessao reuniram meeting assembly",
    "presidir presidiu presidente presidencia preside chair chaired chairman chairperson",
    "secretario secretaria secretariado secretariada secretariou secretary",
    "administrador administradora administracao administrado administrator manager",
    "sindico sindica",
    "multa penalidade penal sancao penalty fine",
    "juros juro mora interest",
    "imovel apartamento casa predio unidade sala property premises apartment",
    "rescindir rescisao resilicao encerramento distrato termination terminate terminated",
    "aprovar aprovado aprovada aprovacao rejeitar rejeitado rejeitada reprovado reprovada approved approval rejected",
    "vedar vedado vedada vedacao proibir proibido proibida proibicao permitir permitido permitida autorizar autorizado \
    autorizada permissao prohibited forbidden banned allowed permitted authorized",
    "pagar pagamento pago paga quitar quitado quitacao pay paid payment payable",
    "adquirir aquisicao compra comprar comprado purchase acquisition",
    "vender venda vendido alienacao alienar sale sell sold",
    "presenca presente presentes quorum comparecimento compareceram attendance present",
    "contrario contra contrariamente against opposed",
    "favor favoravel favoravelmente",
    "dividir divisao partilha partilhado partilhados rateio rateado division",
    "entrega entregar entregue fornecimento delivery deliver delivered",
    "garantia garantir warranty guarantee",
    "caucao deposito deposit",
    "reajuste reajustado reajustar correcao atualizado adjustment adjusted",
    "indice index",
    "inicio iniciar inicia comeca comecar comecou begin begins start starts commence commencing",
    "fim termino terminar termina encerra encerrar encerrou encerrada end ends expire expires expiry",
    "criar criado criada criou fundar fundado fundada fundou fundacao founded created established",
    "construir construido construida construcao ergueu erguido built construction",
    "nascer nasceu nascimento nascido nascida born birth",
    "endereco situado situada localizado localizada sede address located domiciliado residente endereco domicilio",
    "telefone tel celular phone telephone",
    "email correio",
    "empresa companhia sociedade company",
    "empregado funcionario colaborador trabalhador employee worker",
    "animal animais pet pets cachorro gato",
    "criticidade critico critica criticos gravidade risco severity critical risk",
    "licenca licencas licenciado licenciamento license licence licensed",
    "versao version",
    "componente componentes biblioteca bibliotecas component library",
    "advogado advogada patrono lawyer attorney counsel",
    "relator relatora consultor consultora autor autora responsavel",
    "foro jurisdicao comarca jurisdiction court venue",
    "objeto objetivo finalidade object purpose",
    "eleger eleito eleita eleicao escolhido elected election",
    "renunciar renuncia resign resignation",
    "taxa tarifa aliquota rate",
    "obra obras reforma reformas works renovation",
    "escolher escolhido escolheu selecionar selecionado contratar contratado contratada vencedor vencedora choose chose chosen selected hired",
    "manter mantido mantida mantem keep keeps kept",
    "acionista quotista cotista shareholder",
    "quota quotas cota cotas share shares",
    "imposto tributo tributos itcmd itd iptu tax taxes",
    "filho filha filhos child children son daughter",
    "mae pai genitor genitora mother father parent",
    "salario remuneracao honorarios vencimento salary remuneration wage",
    "notificar notificacao aviso comunicacao notice notify notification",
    "confidencialidade sigilo confidencial confidential confidentiality",
    "lavrar lavrou lavrei lavrado lavrada",
    "retirar retirado retirada withdrawn",
    "suspender suspenso suspensa suspensao suspended",
    "populacao habitantes population inhabitants",
    "escrever escreveu escrito autoria wrote written author",
    "ganhar ganhou venceu vencer vencedor won win winner",
    "localizar localiza fica localizada",
    "vaga garagem estacionamento parking garage",
    "custodiar custodia custodiante",
    "auditar auditoria auditor auditada auditado",
];

static FUNCTION: LazyLock<Vec<&str>> = LazyLock::new(|| sorted(FUNCTION_WORDS));
static GENERICS: LazyLock<Vec<&str>> = LazyLock::new(|| sorted(GENERIC));
static DOCUMENTS: LazyLock<Vec<&str>> = LazyLock::new(|| sorted(DOCUMENT_NOUNS));
static NEGATIONS: LazyLock<Vec<&str>> = LazyLock::new(|| sorted(NEGATORS));

/// Stem to the numbers of its groups, in a tree so that every run is alike.
static RELATED: LazyLock<BTreeMap<String, Vec<usize>>> = LazyLock::new(|| {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, group) in GROUPS.iter().enumerate() {
        for word in group.split_whitespace() {
            groups.entry(stem(word)).or_default().push(number);
        }
    }
    groups
});

fn sorted(list: &'static str) -> Vec<&'static str> {
    let mut words: Vec<&str> = list.split_whitespace().collect();
    words.sort_unstable();
    words
}

fn holds(list: &[&str], folded: &str) -> bool {
    list.binary_search(&folded).is_ok()
}

/// Does this folded word only join others?
pub(crate) fn is_function_word(folded: &str) -> bool {
    holds(&FUNCTION, folded)
}

/// Does this folded word ask (`ocorreu`, `nome`) rather than say what about?
pub(crate) fn is_generic(folded: &str) -> bool {
    holds(&GENERICS, folded)
}

/// Does this folded word name the document as a whole?
pub(crate) fn is_document_noun(folded: &str) -> bool {
    holds(&DOCUMENTS, folded)
}

/// Does this folded word deny what it stands with?
pub(crate) fn is_negator(folded: &str) -> bool {
    holds(&NEGATIONS, folded)
}

/// Do two stems share a group of like meaning?
pub(crate) fn related(a: &str, b: &str) -> bool {
    match (RELATED.get(a), RELATED.get(b)) {
        (Some(left), Some(right)) => left.iter().any(|group| right.contains(group)),
        _ => false,
    }
}

/// Does a question with this stem ask who put their name under the text?
pub(crate) fn signs(stem: &str) -> bool {
    static SIGN: LazyLock<String> = LazyLock::new(|| super::stem("assinar"));
    stem == SIGN.as_str() || related(stem, &SIGN)
}

/// Numbers as words, folded, with their value; what larger numbers are said with.
pub(crate) const NUMBER_WORDS: &[(&str, u64)] = &[
    ("um", 1),
    ("uma", 1),
    ("dois", 2),
    ("duas", 2),
    ("tres", 3),
    ("quatro", 4),
    ("cinco", 5),
    ("seis", 6),
    ("sete", 7),
    ("oito", 8),
    ("nove", 9),
    ("dez", 10),
    ("onze", 11),
    ("doze", 12),
    ("treze", 13),
    ("quatorze", 14),
    ("catorze", 14),
    ("quinze", 15),
    ("dezesseis", 16),
    ("dezessete", 17),
    ("dezoito", 18),
    ("dezenove", 19),
    ("vinte", 20),
    ("trinta", 30),
    ("quarenta", 40),
    ("cinquenta", 50),
    ("sessenta", 60),
    ("setenta", 70),
    ("oitenta", 80),
    ("noventa", 90),
    ("cem", 100),
    ("cento", 100),
    ("duzentos", 200),
    ("duzentas", 200),
    ("trezentos", 300),
    ("trezentas", 300),
    ("quatrocentos", 400),
    ("quinhentos", 500),
    ("seiscentos", 600),
    ("setecentos", 700),
    ("oitocentos", 800),
    ("novecentos", 900),
    ("mil", 1000),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("fifteen", 15),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("ninety", 90),
    ("hundred", 100),
    ("thousand", 1000),
];
