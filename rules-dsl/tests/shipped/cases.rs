//! Answers on which a shipped rule must stay silent, one for every condition that its own tests leave open, and the
//! spellings that a shipped set puts right.

/// Rule set, passage, question, answer, and the rules that act.
pub(crate) type Case = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const G: &str = "generic";
const I: &str = "inventory";
const L: &str = "licencas_software";
const M: &str = "meeting_minutes";

pub(crate) const CASES: &[Case] = &[
    (G, "Preço: R$ 250.000,00.", "Qual é o preço?", "É R$ 350.000,00.", &["valor fora do contexto"]),
    (G, "Assinado em Belém.", "O preço é de R$ 3,00?", "Não consta o preço de R$ 3,00.", &[]),
    (G, "Sinal de 10%.", "O sinal é de 20%?", "Não, não é de 20%.", &[]),
    (G, "Lavrada em 3 de março de 2024.", "Foi em 04/03/2024?", "Não foi em 04/03/2024.", &[]),
    (G, "CPF 529.982.247-25.", "É o CPF 111.444.777-35?", "Não é o 111.444.777-35.", &[]),
    (G, "CNPJ 11.222.333/0001-81.", "É o CNPJ 11.444.777/0001-61?", "Não é o 11.444.777/0001-61.", &[]),
    (I, "", "De quem é a meação?", "A meação cabe à viúva.", &[]),
    (I, "", "Qual é o prazo para registrar o inventário?", "São 60 dias.", &[]),
    (I, "", "Qual é o prazo para abrir o inventário?", "O prazo é de 2 meses.", &[]),
    (I, "", "É preciso advogado?", "Sim, a lei obriga.", &[]),
    (I, "", "A escritura vai à homologação?", "Não: a escritura não precisa de homologação do juiz.", &[]),
    (I, "", "A escritura vai à homologação?", "O juiz não participa do ato.", &[]),
    (I, "", "Há herdeiro menor; pode haver escritura?", "Sim, com parte ideal em cada bem.", &[]),
    (
        I,
        "",
        "Há herdeiro menor?",
        "Há; sem manifestação do Ministério Público não pode haver escritura.",
        &[],
    ),
    (I, "Trata-se da partilha.", "Quem é o inventariante?", "Não há inventariante.", &[]),
    (I, "", "Qual é a alíquota?", "O ganho de capital foi tributado em 15%.", &[]),
    (I, "", "Que imposto se pagou?", "Sobre a torna pagou-se o ITBI.", &[]),
    (I, "", "O que diz o testamento?", "Deixa todos os bens à irmã.", &[]),
    (I, "", "O que o testador podia deixar?", "Um imóvel.", &[]),
    (I, "", "O que o testador podia deixar?", "Não a totalidade: só a metade.", &[]),
    (I, "", "Como herda a companheira?", "Como cônjuge, na forma do art. 1.829.", &[]),
    (I, "", "O filho pode renunciar?", "Pode, por escritura.", &[]),
    (I, "", "O filho pode renunciar?", "Não de forma verbal: a lei pede instrumento público.", &[]),
    (I, "Há certidões vencidas.", "Qual é o ponto de maior risco?", "A certidão.", &[]),
    (I, "Não há herdeiro menor ou incapaz.", "Qual é o ponto de maior risco?", "A certidão.", &[]),
    (
        I,
        "Comparece o herdeiro menor Pedro.",
        "Qual é o ponto de maior risco?",
        "A idade do herdeiro menor.",
        &[],
    ),
    (L, "Há MIT e GPL-3.0.", "Qual licença é a mais crítica?", "A GPL-3.0.", &[]),
    (L, "Há MIT.", "Qual é a mais segura?", "Nenhuma se destaca.", &[]),
    (L, "Há MIT e GPL-3.0.", "Qual é a mais segura?", "Não a GPL-3.0, e sim a MIT.", &[]),
    (L, "", "São compatíveis?", "A GPL-3.0 e a Apache-2.0 combinam.", &[]),
    (L, "", "São compatíveis?", "A GPL-2.0 e a MIT combinam.", &[]),
    (L, "", "O que a MIT exige?", "Manter o aviso.", &[]),
    (L, "", "O que a AGPL exige?", "Dar o código também a quem usa o programa pela rede.", &[]),
    (L, "Há MIT.", "Alguma trata de patentes?", "Nenhuma.", &[]),
    (L, "Há Apache-2.0.", "Alguma trata de patentes?", "A Apache-2.0.", &[]),
    (L, "", "O que a Apache-2.0 exige?", "Manter o arquivo NOTICE.", &[]),
    (L, "", "Posso vender o programa?", "Não, o contrato com o autor proíbe a venda.", &[]),
    (L, "", "É livre?", "A MPL-2.0 é de código aberto.", &[]),
    (L, "", "Que licença tem o banco?", "O banco está sob SSPL-1.0.", &[]),
    (L, "", "Que licença tem o banco?", "A SSPL-1.0, que não é de código aberto.", &[]),
    (M, "Rendeu 120% do CDI.", "Quanto rendeu?", "Rendeu 120% do CDI.", &[]),
    (M, "Houve dois votos contrários.", "Como se votou?", "Aprovou-se por maioria.", &[]),
    (M, "Aprovado por unanimidade.", "Como se votou?", "Por unanimidade.", &[]),
    (M, "Em segunda convocação.", "Qual foi o quórum?", "O de segunda convocação, com 40%.", &[]),
    (M, "", "Que quórum muda o contrato social?", "Mais da metade do capital.", &[]),
    (
        M,
        "O contrato exige três quartos.",
        "Que quórum muda o contrato social?",
        "Três quartos do capital.",
        &[],
    ),
    (M, "", "Quem presidiu a AGO?", "O Sr. Ruy.", &[]),
    (M, "", "Qual é o prazo da AGO?", "Os quatro primeiros meses depois do exercício.", &[]),
    (M, "Companhia fechada.", "Qual é a antecedência do edital?", "São 15 dias.", &[]),
    (M, "Companhia aberta.", "Qual é a antecedência do edital?", "São 21 dias.", &[]),
    (
        M,
        "Companhia aberta; publicado 15 dias antes.",
        "Qual é a antecedência do edital?",
        "São 15 dias.",
        &[],
    ),
    (M, "", "Como se altera a convenção?", "Por dois terços dos votos.", &[]),
    (M, "", "Quem é o síndico?", "O Sr. Ruy, eleito há três anos.", &[]),
    (M, "", "Quem é o síndico?", "O Sr. Ruy, com mandato de dois anos.", &[]),
];

/// Rule set, a spelling, and what becomes of it.
pub(crate) const SPELLINGS: &[(&str, &str, &str)] = &[
    (G, "CNPJ/MF 1, CPF/MF 2, CNPJ/ME 3, CPF/ME 4", "CNPJ 1, CPF 2, CNPJ 3, CPF 4"),
    (
        I,
        "inventarista, meieira, quinhao, de cujos, extra-judicial",
        "inventariante, meeira, quinhão, de cujus, extrajudicial",
    ),
    (L, "Apache License 2.0 e Apache License, Version 2.0", "Apache-2.0 e Apache-2.0"),
    (
        L,
        "GPLv2, GPLv2+, GPLv3, GPLv3+, LGPLv3",
        "GPL-2.0, GPL-2.0-or-later, GPL-3.0, GPL-3.0-or-later, LGPL-3.0",
    ),
    (L, "MPL 2.0, Mozilla Public License 2.0, MIT License", "MPL-2.0, MPL-2.0, MIT"),
    (L, "BSD 3-Clause e BSD 2-Clause, com a Apache-2.0", "BSD-3-Clause e BSD-2-Clause, com a Apache-2.0"),
    (
        M,
        "Quorum da assembléia, ASSEMBLÉIA GERAL, A.G.E. e A.G.O.",
        "Quórum da assembleia, ASSEMBLEIA GERAL, AGE e AGO",
    ),
];
