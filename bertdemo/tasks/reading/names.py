"""The usual names of columns in several languages, and how far a name says what its column is.

A name is compared by the noun that it is about: `comment_text` is a text, `news category` a category, `texte du
message` a text, 情感标签 a label.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache


def name_set(words: str) -> frozenset[str]:
    """Return names that are written with a space between them."""
    return frozenset(words.split())


# How much a name outweighs content: a label column scores so many times what it would score without its name.
CERTAIN, USUAL, POSSIBLE, NONE = 5.0, 3.0, 1.6, 1.0

# A name that says "this is what to learn", whatever else the table holds.
CERTAIN_LABELS = name_set(
    "label labels class target category sentiment intent gold_label étiquette etikett etiqueta etichetta "
    "rótulo classe clase klasse catégorie kategorie categoría categoria "
    "标签 类别 分类 情感 意图 标注 ラベル カテゴリ クラス 感情 "
    "метка категория класс тональность"
)
# A name of a quality that texts are sorted by.
USUAL_LABELS = name_set(
    "classes categories intents tag topic topics emotion emotions stance verdict polarity humor humour "
    "sarcasm irony toxic toxicity spam hate offensive relevance relevant duplicate quality annotation "
    "mood entailment rating stars star grade truthfulness veracity aggression subjectivity acceptability "
    "stimmung absicht thema bewertung note sterne urteil haltung gefühl polarität relevanz qualität "
    "sentiment intention thème étoiles polarité émotion pertinence qualité humeur sentimiento intención "
    "tema calificación estrellas polaridad emoción postura relevancia calidad sentimento intenção "
    "argomento voto stelle emozione polarità assunto emoção "
    "类型 星级 评分 评价 情绪 主题 话题 极性 立场 满意度 真伪 標籤 類別 分類 情緒 "
    "評価 トピック 極性 тема оценка эмоция"
)
# A name that a label may have, and other columns too.
POSSIBLE_LABELS = name_set(
    "type kind genre genres score status result priority urgency department subject answer output "
    "judgment judgement decision outcome severity completion response y is_correct correct gold typ art "
    "priorität abteilung dringlichkeit ergebnis entscheidung antwort schweregrad priorité statut résultat "
    "décision urgence réponse tipo género prioridad estado resultado urgencia puntuación avis opinion "
    "opinión meinung 结果 种类 优先级 部门 状态 答案 得分 种別 結果 тип статус результат"
)
TEXTS = name_set(
    "text texts sentence sentences review reviews message messages comment comments content question "
    "tweet tweets post headline utterance phrase string description document reviewtext sms email body "
    "statement query feedback complaint satz sätze kommentar nachricht beschreibung inhalt anliegen "
    "beitrag frage rezension aussage meldung beschwerde texte commentaire contenu énoncé publication "
    "réclamation texto comentario frase mensaje reseña contenido descripción oración pregunta publicación "
    "queja testo commento recensione messaggio contenuto descrizione domanda mensagem comentário conteúdo "
    "文本 评论 内容 句子 正文 留言 问题 微博 消息 短信 语句 文字 評論 內容 問題 "
    "文章 本文 テキスト コメント текст комментарий отзыв сообщение "
    "предложение"
)
# What a column is about that describes a row and is neither its text nor its label.
ASIDES = name_set(
    "company brand firma marke entreprise marque empresa marca 公司 品牌 商家 "
    "id ids idx index uid uuid guid qid pid number nr num no row key hash code date time timestamp "
    "datetime created updated year month day timezone zone coord coordinates user username author name "
    "reviewer annotator worker rater editor speaker location city country state region language lang "
    "locale gender age url link uri source file filename path split fold confidence probability prob conf "
    "votes likes retweets count length platform device version reason ip title datum uhrzeit zeit nummer "
    "autor verfasser ort stadt land sprache quelle geschlecht alter heure numéro auteur ville pays langue "
    "fecha hora número ciudad país idioma fuente nombre nom "
    "编号 序号 日期 时间 用户 作者 姓名 城市 地区 国家 来源 链接 性别 年龄 用户名 "
    "标题"
)
# A column that is so called numbers the rows, or refers to rows elsewhere.
IDS = name_set("id ids idx index uid uuid guid qid pid nr no num number row key hash nummer numéro número 编号 序号")
SCORES = name_set(
    "score scores similarity relatedness rating sim sts mean_score ähnlichkeit ähnlichkeitswert bewertung "
    "note punkte similarité similitude similitud puntuación similaridad similarità somiglianza punteggio "
    "similaridade pontuação 相似度 分数 得分 打分 评分 類似度 スコア сходство близость оценка"
)
PAIRS = name_set(
    "pair text_b sentence2 sentence_b hypothesis text2 question2 document hypothese hypothèse hipótesis "
    "satz2 句子2 文本2 假设"
)
SOURCES = name_set(
    "source input src original document article dialogue informal quelle artikel vorlage texte_source "
    "fuente artículo origen 原文 原句 正文 新闻 文章"
)
TARGETS = name_set(
    "target output corrected rewritten paraphrased tgt summary translation highlights simplified "
    "simplification paraphrase rewrite correction formal "
    "zusammenfassung übersetzung umschreibung korrektur ziel résumé traduction resumen "
    "traducción riassunto traduzione 译文 摘要 改写 目标 翻译 要約 翻訳 перевод"
)
# A column of texts in one language, beside one in another.
LANGUAGES = name_set(
    "en de fr es it pt nl ru zh ja ko ar tr pl sv da cs english german french spanish italian portuguese dutch "
    "russian chinese japanese korean arabic turkish polish deutsch englisch französisch spanisch anglais français "
    "allemand espagnol inglés alemán francés español "
    "中文 英文 英语 日语 法语 德语 日本語 英語"
)
# Between two nouns of which the first one is what the name is about: `texte du message`.
_OF = name_set("of de du des del della do da di d von der")
# Words that qualify a name and are not its noun: `text_clean`, `label_name`, `评论 (zh)`.
_QUALIFIERS = name_set(
    "a b clean cleaned raw processed col column field value values str txt en zh de fr es final first second"
)
_FLAG_PREFIXES = name_set("is has was are contains ist hat enthält est es")
_WORDS = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])|(?<=[A-Z])(?=[A-Z][a-z])")
_WITHOUT_SPACES = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_PARENTHESES = re.compile(r"[(（\[【].*?[)）\]】]")
# A shorter word is a part of other words by chance: `class` ends no other noun, `note` does.
_SHORTEST_COMPOUND = 7


def folded(name: str) -> str:
    """Return a name in lower case, composed, without spaces around it."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a column's name in lower case: `airlineSentiment_2` is `airline`, `sentiment`."""
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFKC", _PARENTHESES.sub(" ", name) or name))
    return tuple(_WORDS.findall(spaced.casefold()))


def noun(name: str) -> str:
    """Return the word that a name is about, "" where it has no word."""
    parts = words(name)
    if any(part in _OF for part in parts[1:]):
        first = next(index for index, part in enumerate(parts) if index and part in _OF)
        return parts[first - 1]
    named = [part for part in parts if part not in _QUALIFIERS]
    return (named or list(parts) or [""])[-1]


def is_about(name: str, names: frozenset[str]) -> bool:
    """Return whether a column has one of these names, or its noun is one of them."""
    if folded(name) in names:
        return True
    about = noun(name)
    if about in names:
        return True
    if _WITHOUT_SPACES.search(about):
        return any(about.endswith(known) for known in names if _WITHOUT_SPACES.search(known))
    # German writes a compound as one word: Produktkategorie.
    return any(about.endswith(known) for known in names if len(known) >= _SHORTEST_COMPOUND)


def is_flag(name: str) -> bool:
    """Return whether a name asks yes or no: `is_duplicate`, `hasError`, 是否有害."""
    parts = words(name)
    return name.strip().startswith("是否") or (len(parts) > 1 and parts[0] in _FLAG_PREFIXES)


def label_weight(name: str) -> float:
    """Return how much a name says that a column holds labels, 1.0 where it says nothing."""
    for names, weight in ((CERTAIN_LABELS, CERTAIN), (USUAL_LABELS, USUAL), (POSSIBLE_LABELS, POSSIBLE)):
        if folded(name) in names:
            return weight
    if is_flag(name):
        return USUAL
    for names, weight in ((CERTAIN_LABELS, USUAL), (USUAL_LABELS, USUAL), (POSSIBLE_LABELS, POSSIBLE)):
        if is_about(name, names):
            return weight
    # `category_id`, `label.name`: what a label is written as.
    return POSSIBLE if noun(name) in {*IDS, "name"} and CERTAIN_LABELS & set(words(name)) else NONE


def is_aside(name: str) -> bool:
    """Return whether a name is that of an id, a date, a person, a place or another fact beside text and label."""
    return label_weight(name) == NONE and is_about(name, ASIDES)


def is_id(name: str) -> bool:
    """Return whether a name is that of a number or code that identifies something: `qid1`, `pair_ID`, `#1 ID`."""
    return label_weight(name) == NONE and is_about(name, IDS)
