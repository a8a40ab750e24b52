"""Writes the two sample documents: a native PDF with a table, and a scan without any text inside.

    python3 -m venv /tmp/samples-venv
    /tmp/samples-venv/bin/pip install reportlab==5.1.0 pillow==13.0.0 numpy==2.4.6
    apt-get install fonts-liberation2 poppler-utils
    /tmp/samples-venv/bin/python samples/make_samples.py samples

Every person, company and number is invented. `tour.toml` lists what the pages must answer.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import HRFlowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

FONTS = "/usr/share/fonts/truetype/liberation2"
SCAN_DPI = 200
SCAN_BYTES_MAX = 600_000


def register_fonts():
    for family, file in (("Sans", "LiberationSans"), ("Serif", "LiberationSerif")):
        for suffix, variant in (("", "Regular"), ("-Bold", "Bold"), ("-Italic", "Italic"), ("-BoldItalic", "BoldItalic")):
            pdfmetrics.registerFont(TTFont(family + suffix, f"{FONTS}/{file}-{variant}.ttf"))
        pdfmetrics.registerFontFamily(family, family, f"{family}-Bold", f"{family}-Italic", f"{family}-BoldItalic")


def styles(family, size):
    body = ParagraphStyle("body", fontName=family, fontSize=size, leading=size * 1.42, alignment=TA_JUSTIFY, spaceAfter=size * 0.75)
    return {
        "body": body,
        "item": ParagraphStyle("item", parent=body, leftIndent=16, bulletIndent=2, spaceAfter=size * 0.45),
        "head": ParagraphStyle("head", parent=body, fontName=f"{family}-Bold", alignment=0, spaceBefore=size * 0.7, spaceAfter=size * 0.5, keepWithNext=1),
        "title": ParagraphStyle("title", parent=body, fontName=f"{family}-Bold", fontSize=size * 1.35, leading=size * 1.8, alignment=TA_CENTER, spaceAfter=size),
        "centre": ParagraphStyle("centre", parent=body, alignment=TA_CENTER, spaceAfter=2),
        "cell": ParagraphStyle("cell", parent=body, fontSize=size * 0.88, leading=size * 1.15, alignment=0, spaceAfter=0),
        "cellhead": ParagraphStyle("cellhead", parent=body, fontName=f"{family}-Bold", fontSize=size * 0.88, leading=size * 1.15, alignment=0, spaceAfter=0),
    }


def table(style, rows, widths, head_colour):
    cells = [[Paragraph(text, style["cellhead" if row == 0 else "cell"]) for text in line] for row, line in enumerate(rows)]
    made = Table(cells, colWidths=[w * mm for w in widths], repeatRows=1)
    made.setStyle(
        TableStyle([
            ("GRID", (0, 0), (-1, -1), 0.5, colors.HexColor("#6b7785")),
            ("BACKGROUND", (0, 0), (-1, 0), head_colour),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 3.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
        ])
    )
    return made


def signature(style, name, role):
    return [Spacer(1, 34), HRFlowable(width="52%", thickness=0.6, color=colors.black), Paragraph(f"<b>{name}</b>", style["centre"]), Paragraph(role, style["centre"])]


def opinion(path):
    s = styles("Sans", 10.5)
    b, h, i = (lambda t: Paragraph(t, s["body"])), (lambda t: Paragraph(t, s["head"])), (lambda n, t: Paragraph(t, s["item"], bulletText=n))
    rows = [
        ["Componente", "Versão", "Licença", "Onde é usado", "Risco", "Decisão"],
        ["Farol Mapas", "4.2.1", "LGPL-2.1-or-later", "Mapa e rotas", "Baixo", "Liberado"],
        ["Sabiá Chat", "0.9", "AGPL-3.0-only", "Conversa com o motorista", "Alto", "Vedado"],
        ["Cumbuca DB", "12.3", "PostgreSQL", "Banco de dados do servidor", "Baixo", "Liberado"],
        ["Lume PDF", "3.0.5", "MPL-2.0", "Recibo de entrega", "Médio", "Condicionado"],
        ["Jangada UI", "8.1", "MIT", "Telas do aplicativo", "Baixo", "Liberado"],
        ["Tamboril Cripto", "2.7", "Apache-2.0", "Assinatura dos recibos", "Baixo", "Liberado"],
        ["Ipê Fila", "1.14", "BSD-3-Clause", "Fila de eventos", "Baixo", "Liberado"],
    ]
    story = [
        Paragraph("PARECER DE LICENCIAMENTO DE SOFTWARE Nº 17/2026", s["title"]),
        b("<b>Interessado:</b> Veredas Logística S.A., Diretoria de Tecnologia.<br/><b>Assunto:</b> uso de componentes de código aberto no aplicativo Rota Clara.<br/><b>Data:</b> 9 de fevereiro de 2026.<br/><b>Relatora:</b> Dra. Noêmia Falcão Brandão, OAB/MG 200.417."),
        h("1. Relatório"),
        b("A Diretoria de Tecnologia da Veredas Logística S.A. pede parecer sobre a possibilidade de distribuir o aplicativo Rota Clara, em versão para telefone, aos motoristas próprios e aos agregados da companhia. O aplicativo recebe a ordem de coleta, traça a rota, conversa com a central e emite o recibo de entrega assinado pelo cliente."),
        b("Segundo a consulta, o Rota Clara é usado hoje por 1.260 motoristas em quatro estados e passará a ser oferecido também a transportadoras parceiras, mediante contrato de cessão de uso. O código do aplicativo não é público e a companhia pretende mantê-lo assim."),
        b("A consulta veio acompanhada da lista de dependências gerada em 21 de janeiro de 2026, do diagrama de implantação e da minuta do termo de uso. Foram ouvidos em entrevista o engenheiro Caetano Mourão, responsável pelo aplicativo, e a analista Zuleide Arantes, responsável pelo servidor."),
        h("2. O que se pergunta"),
        i("a)", "Se o aplicativo pode ser distribuído a terceiros com os componentes que contém."),
        i("b)", "Que obrigações decorrem de cada licença, e quem deve cumpri-las."),
        i("c)", "Se algum componente precisa ser trocado antes da distribuição."),
        h("3. Como se examinou"),
        b("Cada componente foi identificado pela versão que consta do arquivo de travamento do repositório, e o texto da licença foi lido na própria distribuição, e não na página do projeto. Onde o cabeçalho dos arquivos divergia do texto da licença, prevaleceu o mais restritivo. Não foram examinados os componentes usados apenas para compilar ou testar o programa, porque não são entregues a ninguém."),
        PageBreak(),
        h("4. Componentes examinados"),
        b("O quadro a seguir resume o exame. A coluna “Risco” considera o modo de uso descrito na consulta: ligação dinâmica no telefone e execução no servidor da companhia."),
        table(s, rows, [29, 16, 34, 41, 16, 29], colors.HexColor("#dfe7ef")),
        Spacer(1, 10),
        h("5. Observações sobre as licenças"),
        b("<b>Sabiá Chat.</b> A licença AGPL-3.0-only alcança quem usa o programa pela rede. Como a central conversa com o motorista por meio do módulo do servidor, e o módulo foi alterado pela equipe, a companhia teria de oferecer o código-fonte correspondente a todos os usuários. A obrigação é incompatível com a decisão de manter o código fechado; por isso o componente fica vedado."),
        b("<b>Lume PDF.</b> A licença aplica-se arquivo por arquivo. Os dois arquivos alterados pela equipe devem ser publicados, com o aviso da alteração; o restante do aplicativo não é atingido. O uso fica condicionado a essa publicação."),
        b("<b>Farol Mapas.</b> A biblioteca é ligada dinamicamente e pode ser substituída pelo usuário, o que atende à licença. Basta acompanhar o aplicativo com o texto da licença e indicar onde se obtém o código da biblioteca."),
        b("<b>Demais componentes.</b> Exigem apenas a reprodução dos avisos de autoria, que devem constar da tela “Sobre o aplicativo”. A Apache-2.0 pede ainda que se conserve o arquivo NOTICE quando ele existir."),
        PageBreak(),
        h("6. Conclusão"),
        b("Diante do exposto, opina-se pela distribuição do aplicativo Rota Clara a terceiros, desde que cumpridas antes as seguintes condições:"),
        i("I -", "substituir o Sabiá Chat no prazo de 45 dias, contados da ciência deste parecer, ou adquirir a sua licença comercial, orçada pelo titular em R$ 38.400,00 por ano para até 2.000 usuários;"),
        i("II -", "publicar os dois arquivos alterados do Lume PDF até 27 de março de 2026, no repositório público da companhia;"),
        i("III -", "incluir na tela “Sobre o aplicativo” os avisos de autoria dos seis componentes mantidos;"),
        i("IV -", "repetir o exame a cada nova versão do aplicativo e, no mínimo, uma vez por semestre."),
        h("7. Responsáveis e acompanhamento"),
        b("Cabe ao engenheiro Caetano Mourão a troca do componente vedado e à analista Zuleide Arantes a publicação dos arquivos alterados. O cumprimento será conferido pelo Comitê de Software Livre em reunião marcada para 14 de abril de 2026. A falta de cumprimento da condição I suspende a oferta do aplicativo às transportadoras parceiras, sem prejuízo do uso pelos motoristas próprios."),
        b("O custo estimado de desenvolvimento para a substituição é de 120 horas, valor que a Diretoria considera inferior ao de dois anos da licença comercial. A alternativa recomendada pela equipe é o componente Bem-te-vi Mensagens, versão 2.2, distribuído sob a licença MIT, já usado pela companhia em outro sistema."),
        h("8. Validade"),
        b("Este parecer vale para as versões indicadas no item 4 e por doze meses a contar de sua data. É o parecer, salvo melhor juízo."),
        b("Belo Horizonte, 9 de fevereiro de 2026."),
        *signature(s, "Noêmia Falcão Brandão", "Relatora - OAB/MG 200.417"),
        Spacer(1, 12),
        Paragraph("De acordo: Teobaldo Lins Serrano, Diretor Jurídico.", s["centre"]),
    ]

    def frame(canvas, doc):
        canvas.saveState()
        width, height = A4
        canvas.setFillColor(colors.HexColor("#1f3a56"))
        canvas.setFont("Sans-Bold", 11)
        canvas.drawString(22 * mm, height - 16 * mm, "BRANDÃO & SERRANO ADVOGADOS")
        canvas.setFont("Sans", 8)
        canvas.drawRightString(width - 22 * mm, height - 16 * mm, "Parecer de licenciamento nº 17/2026")
        canvas.setLineWidth(0.8)
        canvas.setStrokeColor(colors.HexColor("#1f3a56"))
        canvas.line(22 * mm, height - 18.5 * mm, width - 22 * mm, height - 18.5 * mm)
        canvas.setFillColor(colors.HexColor("#444444"))
        canvas.drawString(22 * mm, 13 * mm, "Rua das Gameleiras, 310, sala 1204 - Belo Horizonte/MG")
        canvas.drawRightString(width - 22 * mm, 13 * mm, f"Página {doc.page} de 3")
        canvas.restoreState()

    doc = SimpleDocTemplate(str(path), pagesize=A4, leftMargin=20 * mm, rightMargin=20 * mm, topMargin=26 * mm, bottomMargin=21 * mm, title="Parecer de licenciamento de software nº 17/2026", author="Brandão & Serrano Advogados", lang="pt-BR", invariant=1)
    doc.build(story, onFirstPage=frame, onLaterPages=frame)
    return doc.page


def minutes(path):
    s = styles("Serif", 11.5)
    b, h = (lambda t: Paragraph(t, s["body"])), (lambda t: Paragraph(t, s["head"]))
    quotes = [
        ["Empresa", "Valor do orçamento", "Prazo da obra", "Garantia"],
        ["Prumo Reformas", "R$ 214.900,00", "150 dias", "3 anos"],
        ["Andaime Firme", "R$ 187.320,00", "120 dias", "5 anos"],
        ["Reboco & Cia.", "R$ 176.050,00", "180 dias", "1 ano"],
    ]
    story = [
        Paragraph("CONDOMÍNIO EDIFÍCIO SOLAR DAS ACÁCIAS", s["title"]),
        Paragraph("<b>ATA DA ASSEMBLEIA GERAL ORDINÁRIA</b>", s["centre"]),
        Paragraph("realizada em 12 de março de 2026", s["centre"]),
        Spacer(1, 12),
        b("Aos doze dias do mês de março de 2026, às 19h30, em segunda convocação, no salão de festas do Condomínio Edifício Solar das Acácias, situado na Alameda dos Jequitibás, 1.045, em Londrina, Paraná, reuniram-se os condôminos em Assembleia Geral Ordinária, convocada por edital de 25 de fevereiro de 2026, entregue em todas as unidades e afixado nos dois elevadores."),
        h("Presença e mesa"),
        b("Conforme a lista de presença, compareceram ou fizeram-se representar por procuração 38 das 52 unidades, o que perfaz 73% das frações ideais. Verificado o quórum, foi aclamado para presidir os trabalhos o Sr. Osvaldo Timóteo Reis, do apartamento 304, que convidou para secretária a Sra. Ivone Castanho Duarte, do apartamento 801."),
        h("Ordem do dia"),
        b("O presidente leu a ordem do dia: (1) prestação de contas do exercício de 2025; (2) obra de recuperação da fachada; (3) previsão orçamentária e taxa condominial; (4) eleição de síndico, subsíndico e conselho fiscal; (5) assuntos gerais."),
        h("1. Prestação de contas do exercício de 2025"),
        b("A administradora Lar Sereno apresentou o balancete anual. As receitas somaram R$ 634.218,90 e as despesas R$ 612.480,37, com saldo positivo de R$ 21.738,53, transferido ao fundo de reserva. A inadimplência, que era de 9,1% no início do ano, fechou em 4,6%. O parecer do conselho fiscal, lido pela Sra. Benedita Salgueiro, recomendou a aprovação."),
        b("O Sr. Hamilton Prates, do apartamento 602, perguntou pela troca das bombas de água. A administradora respondeu que o serviço custou R$ 18.760,00 e foi pago em três parcelas, com nota fiscal à disposição na portaria. Posta em votação, a prestação de contas foi aprovada por 36 votos a favor e 2 abstenções."),
        PageBreak(),
        h("2. Obra de recuperação da fachada"),
        b("O engenheiro Abelardo Nunes Vilaça apresentou o laudo de inspeção de novembro de 2025, que aponta destacamento do revestimento entre o sétimo e o décimo segundo andares da face norte e recomenda a obra antes do próximo período de chuvas. Foram recebidas três propostas, resumidas no quadro:"),
        table(s, quotes, [48, 46, 38, 30], colors.HexColor("#d8d8d8")),
        Spacer(1, 11),
        b("O engenheiro explicou que a proposta de menor preço não inclui o tratamento das ferragens expostas e oferece garantia de apenas um ano. Após debate, a assembleia escolheu a empresa Andaime Firme, por 31 votos contra 7 dados à Prumo Reformas, pelo equilíbrio entre preço, prazo e garantia."),
        b("Para custear a obra, aprovou-se uma taxa extra no total de R$ 156.000,00, dividida em 12 parcelas mensais de R$ 250,00 por unidade, com vencimento a partir de maio de 2026. A diferença será retirada do fundo de reserva. A obra deve começar em 4 de maio de 2026, e a fiscalização ficará a cargo do próprio engenheiro, com honorários de R$ 9.500,00."),
        b("Durante a obra, as sacadas da face norte ficarão interditadas em etapas, comunicadas com sete dias de antecedência. A Sra. Marlene Uchôa, do apartamento 1102, pediu que se registrasse a necessidade de proteger as floreiras, o que foi aceito pela empresa por escrito."),
        PageBreak(),
        h("3. Previsão orçamentária e taxa condominial"),
        b("Aprovada por unanimidade a previsão de despesas de R$ 527.280,00 para os doze meses seguintes. Com isso, a taxa condominial mensal passa de R$ 790,00 para R$ 845,00 por unidade, a partir de abril de 2026, com vencimento no dia 10. O atraso sujeita o condômino à multa de 2% e a juros de 1% ao mês, na forma da convenção."),
        h("4. Eleições"),
        b("Apresentaram-se duas candidaturas ao cargo de síndico. Foi eleita síndica a Sra. Dalva Quintanilha Prestes, do apartamento 905, com 27 votos, contra 11 dados ao Sr. Rubens Aguirre, para mandato de dois anos, de 1º de abril de 2026 a 31 de março de 2028. Para subsíndico foi eleito, sem oposição, o Sr. Jurandir Melo Fontes, do apartamento 203. A síndica fará jus à isenção da taxa condominial."),
        b("O conselho fiscal passa a ser composto por Benedita Salgueiro, Hamilton Prates e Lívia Sampaio Rocha, todos com mandato igual ao da síndica."),
        h("5. Assuntos gerais"),
        b("Decidiu-se instalar bicicletário com 24 vagas no subsolo, com a verba já prevista, e proibir a entrega de encomendas depois das 22 horas. A proposta de portaria remota foi retirada de pauta, para que se apresentem custos na próxima assembleia, marcada para 17 de setembro de 2026."),
        b("Nada mais havendo a tratar, o presidente encerrou a assembleia às 22h05, da qual eu, Ivone Castanho Duarte, lavrei a presente ata, que, lida e aprovada, vai assinada por mim e pelo presidente."),
        b("Londrina, 12 de março de 2026."),
        Spacer(1, 26),
        Table(
            [["_" * 30, "_" * 30], ["Osvaldo Timóteo Reis", "Ivone Castanho Duarte"], ["Presidente da mesa", "Secretária"]],
            colWidths=[80 * mm, 80 * mm],
            style=[("ALIGN", (0, 0), (-1, -1), "CENTER"), ("FONT", (0, 0), (-1, -1), "Serif", 11)],
        ),
    ]

    def frame(canvas, doc):
        canvas.setFont("Serif", 9.5)
        canvas.drawCentredString(A4[0] / 2, 14 * mm, f"Livro de Atas nº 6 - folha {40 + doc.page}")

    doc = SimpleDocTemplate(str(path), pagesize=A4, leftMargin=25 * mm, rightMargin=22 * mm, topMargin=22 * mm, bottomMargin=22 * mm, invariant=1)
    doc.build(story, onFirstPage=frame, onLaterPages=frame)
    return doc.page


def scanned(grey, chance, angle):
    """One page as an office scanner leaves it: turned a little, softened, paper not quite white, dust."""
    page = grey.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.6))
    pixels = np.asarray(page, dtype=np.float32)
    height, width = pixels.shape
    light = 244 - 7 * np.linspace(0, 1, width)[None, :] - 4 * np.linspace(0, 1, height)[:, None]
    ink = 28 + pixels / 255.0 * (light - 28)
    grain = np.asarray(Image.fromarray(chance.normal(128, 26, pixels.shape).clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.9)), dtype=np.float32) - 128
    out = ink + grain * 0.22
    for _ in range(60):
        y, x = chance.integers(4, height - 4), chance.integers(4, width - 4)
        out[y : y + chance.integers(1, 3), x : x + chance.integers(1, 3)] = 120
    return Image.fromarray(out.clip(0, 255).astype(np.uint8))


def scan(source, target):
    chance = np.random.default_rng(2026)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["pdftoppm", "-r", str(SCAN_DPI), "-gray", "-png", source, f"{folder}/p"], check=True)
        pages = [Image.open(p).convert("L") for p in sorted(Path(folder).glob("p*.png"))]
    canvas = Canvas(str(target), pagesize=A4, invariant=1)
    canvas.setTitle("Ata da assembleia (digitalizada)")
    for page, angle in zip(pages, (0.6, -0.9, 0.4), strict=True):
        data = io.BytesIO()
        scanned(page, chance, angle).save(data, "JPEG", quality=42, dpi=(SCAN_DPI, SCAN_DPI))
        data.seek(0)
        canvas.drawImage(ImageReader(data), 0, 0, *A4)
        canvas.showPage()
    canvas.save()


def main(folder):
    rl_config.useA85 = 0  # binary streams: a quarter smaller
    register_fonts()
    native, scanned_path = folder / "parecer-licencas-rota-clara.pdf", folder / "ata-solar-das-acacias.pdf"
    assert opinion(native) == 3
    with tempfile.TemporaryDirectory() as work:
        clean = Path(work) / "ata.pdf"
        assert minutes(clean) == 3
        scan(str(clean), scanned_path)
    assert scanned_path.stat().st_size < SCAN_BYTES_MAX, scanned_path.stat().st_size
    for path in (native, scanned_path):
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "samples"))
