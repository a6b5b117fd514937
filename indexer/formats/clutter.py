"""Which lines of an article are clutter: buttons, captions, credits, copyright; the rules all formats share."""

import re

# The whole line, in lower case, must be one of these.
_BUTTON_NAMES = """
    favorite, favorites, favourite, to list, list, back to list, discover more, learn more, read more, see more,
    more, share, share this, share this article, share on facebook, share on twitter, share on x, tweet, like,
    likes, comment, comments, leave a comment, reply, print, email, e-mail, copy link, copy url, save, bookmark,
    subscribe, sign up, log in, login, follow us, advertisement, ad, sponsored, related articles,
    related article, related news, related posts, related images, related stories, recommended, most read,
    popular, skip to content, skip to main content, menu, home, previous, next, previous article, next article,
    facebook, twitter, x, linkedin, whatsapp, telegram, reddit, pinterest, instagram, threads, line, kakaotalk,
    kakao, naver band, naver blog, 페이스북, 트위터, 카카오톡, 카카오스토리, 네이버 밴드, 네이버 블로그, 밴드,
    top, go to top, listen, font size, photo, image, video, tags, tag, 공유, 공유하기, 댓글, 댓글쓰기,
    댓글 쓰기, 댓글 보기, 좋아요, 관련 이미지, 관련이미지, 관련 기사, 관련기사, 관련 뉴스, 관련뉴스, 관련 영상,
    인쇄, 인쇄하기, 프린트, 스크랩, 목록, 목록으로, 글자 크기, 글자크기, 글씨크기, 구독, 구독하기, 기사 저장,
    저장, 북마크, 메일, 이메일, url 복사, 링크 복사, 주소복사, 많이 본 뉴스, 많이 본 기사, 인기기사, 추천 기사,
    추천기사, 광고, 이전, 다음, 이전 글, 다음 글, 이전기사, 다음기사, 더보기, 더 보기, 맨 위로, 로그인,
    기사 공유, 기사공유, 기사 듣기, 기사듣기, 음성재생, 가, 가+, 가-
"""
_BUTTONS = frozenset(name.strip() for name in _BUTTON_NAMES.split(","))
_IMAGE = re.compile(r"!\[.{0,1000}\]\([^()\s]{0,2000}\)")
_COPYRIGHT = re.compile(
    r"(?:[<\[(]\s?)?(?:©|ⓒ|\(c\)\s|copyrights?\s?(?:©|ⓒ|\(c\)|(?:19|20)\d\d|by\b|all rights)"
    r"|저작권자|all rights reserved|무단\s?전재)",
    re.IGNORECASE,
)
_RIGHTS = re.compile(r"all rights reserved|무단\s?전재|재배포\s?금지", re.IGNORECASE)
_CREDIT = re.compile(
    r"(?:/\s?(?:courtesy (?:of|photo)|photo|사진|provided by)\b|\bphotos? (?:by|courtesy|credit)\b|\bcourtesy of\b"
    r"|\bimage credit\b|\((?:photo|image|사진)[:=\s]|[\[(<]\s?(?:사진|그래픽|이미지|자료)\s?(?:제공)?\s?[=:ㅣ|/]"
    r"|/?사진\s?(?:제공\s?)?[=:]|사진\s?제공)",
    re.IGNORECASE,
)
_LEADING_CREDIT = re.compile(r"(?:photos?|images?|caption|사진|그래픽|자료|▲ ?사진)\s?[:=]", re.IGNORECASE)
_TRANSLATED = re.compile(
    r"[※*\s(\[]{0,4}(?:this (?:article|story|text|content) (?:has been|was|is) (?:machine.)?translated"
    r"|이 기사는 (?:ai|인공지능|기계))",
    re.IGNORECASE,
)
_FEEDBACK = re.compile(
    r"(?:share your feedback|click here to|follow us on|sign up for|subscribe to our)\b", re.IGNORECASE
)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_BYLINE = re.compile(
    r"(?i:by|written by|reported by|reporter|글|기자)\s?[:=]?\s"
    r"(?P<by>[A-Z][\w.'’-]{0,30}(?:\s[A-Z][\w.'’-]{0,30}){1,3}|[가-힣]{2,4})(?!\w)"
)
_KOREAN_REPORTER = re.compile(
    r"(?:[\[(][^\])\n]{1,30}[\])]\s?)?(?P<by>[가-힣]{2,4})\s(?:선임|수석|전문|인턴)?\s?(?:기자|특파원|논설위원)(?![가-힣])"
)
_PUNCTUATED = re.compile(r"[.!?…。！？][\"'”’」』)\]]*$")
_KOREAN_ENDINGS = ("다", "까", "요")
_NAME_LINKS = frozenset({"of", "the", "and", "for", "via", "de", "from"})
_LONGEST_CAPTION = 400
_LONGEST_CREDIT = 40
_LONGEST_BYLINE = 90


def is_clutter(line: str) -> bool:
    """Say whether a line is clutter by itself, wherever it stands."""
    text = line.strip()
    plain = text.strip(" \t:·|>»›+▶▼▲").lower()
    return (
        plain in _BUTTONS
        or not any(map(str.isalnum, text))
        or _IMAGE.fullmatch(text) is not None
        or _is_notice(text)
        or is_caption(text)
        or byline(text) is not None
    )


def _is_notice(text: str) -> bool:
    """Say whether a short line is a copyright, translation or subscription notice."""
    if len(text) > _LONGEST_CAPTION:
        return False
    if _COPYRIGHT.match(text):
        return len(text) <= 120 or _RIGHTS.search(text) is not None
    short = len(text) <= 150
    return bool(_TRANSLATED.match(text) or (short and (_FEEDBACK.match(text) or _RIGHTS.search(text))))


def is_caption(line: str) -> bool:
    """Say whether a line describes a picture: it opens or ends with a photo credit."""
    text = line.strip()
    if len(text) > _LONGEST_CAPTION:
        return False
    if _LEADING_CREDIT.match(text):
        return True
    credits = list(_CREDIT.finditer(text))
    # A credit ends its line; in the middle of one it is prose: "the photo by Kim won a prize".
    return bool(credits) and _is_credit_tail(text[credits[-1].end() :])


def _is_credit_tail(tail: str) -> bool:
    """Say whether what follows a credit's opening is a name: no small words, no end of a sentence."""
    names = tail.strip(" .)]>")
    return (
        len(names) <= _LONGEST_CREDIT
        and ". " not in tail
        and not names.endswith(_KOREAN_ENDINGS)
        and all(word in _NAME_LINKS or not word[:1].islower() for word in names.split())
    )


def byline(line: str) -> str | None:
    """Return the name when a line says who wrote the article and nothing more."""
    text = line.strip()
    if len(text) > _LONGEST_BYLINE:
        return None
    rest = _EMAIL.sub("", text).strip(" \t|,/·<>()=")
    for pattern in (_BYLINE, _KOREAN_REPORTER):
        match = pattern.match(rest)
        if match and len(rest) - match.end() <= 20 and not _PUNCTUATED.search(rest):
            return match["by"]
    has_email = len(rest) < len(text)
    is_name = 0 < len(rest.split()) <= 5 and not _PUNCTUATED.search(rest)
    return rest if has_email and is_name and not any(map(str.isdigit, rest)) else None


def ends_sentence(line: str) -> bool:
    """Say whether a line ends as a sentence does, in English or Korean."""
    text = line.rstrip()
    return _PUNCTUATED.search(text[-12:]) is not None or text.endswith(_KOREAN_ENDINGS)


# ---------------------------------------------------------------- who published it

_REPORTED = re.compile(r"(?<![\w-])(?P<source>[\w-]{1,40}(?:\.[\w-]{1,40}){1,4}) Reported\s?[-–—]", re.IGNORECASE)
_AGENCY = re.compile(r"[\[(][가-힣]{2,8}\s?=\s?(?P<source>[가-힣A-Za-z][가-힣\w ]{1,20})[\])]")
_DATELINE = re.compile(
    r"(?<![A-Z])[A-Z][A-Z .,]{2,30}(?:,? [A-Z][a-z]{2,8}\.? \d{1,2})?"
    r"(?: \(|, )(?P<source>[A-Z][\w ]{1,30})\)\s?(?:--|[-–—])"
)
_OWNER = re.compile(
    r"[<\[(\s]*(?:©|ⓒ|\(c\)|copyrights?|저작권자)[\s:©ⓒ]*(?:\(c\)\s)?(?:(?:19|20)\d\d[\s,–-]*){0,2}(?:by\s)?"
    r"(?P<source>[^\s(<>.,:©ⓒ\d][^(<>,:©ⓒ\n]{0,59}?)\s*(?:\(|,|<|>|\.\s|\.$|$|\ball rights\b|무단)",
    re.IGNORECASE,
)


def source_in(line: str) -> str | None:
    """Return who published the article when a line says so plainly: an agency's opening or a copyright line."""
    text = line.lstrip()[:300]
    for pattern in (_REPORTED, _AGENCY, _DATELINE):
        match = pattern.match(text)
        if match:
            return match["source"].strip()
    if not _COPYRIGHT.match(text):
        return None
    match = _OWNER.match(text)
    owner = match["source"].strip() if match else ""
    return owner if owner and not _RIGHTS.match(owner) else None
