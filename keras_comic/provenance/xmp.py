"""Writes, merges and reads XMP packets, the metadata of picture files.

Reference:
    - [ISO 16684-1:2019, XMP](https://www.iso.org/standard/75163.html), and
      [Adobe's text of it](https://github.com/adobe/xmp-docs).
"""

from xml.dom import minidom
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax import saxutils

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "keras_comic": "urn:x-keras-comic:provenance:1.0/",
}
MAX_BYTES = 2**24
HISTORY = "xmpMM:History"
# Of these, a picture's own are kept.
KEPT = ("dc:format", "dc:description")

_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_END = '<?xpacket end="r"?>'


def write_packet(properties, description=None, event=None):
    """An XMP packet."""
    lines = [
        f"   <{name}>{saxutils.escape(value)}</{name}>"
        for name, value in properties.items()
    ]
    if description is not None:
        lines += [
            "   <dc:description>",
            "    <rdf:Alt>",
            '     <rdf:li xml:lang="x-default">'
            f"{saxutils.escape(description)}</rdf:li>",
            "    </rdf:Alt>",
            "   </dc:description>",
        ]
    if event is not None:
        lines += [
            f"   <{HISTORY}>",
            "    <rdf:Seq>",
            '     <rdf:li rdf:parseType="Resource">',
            *(
                f"      <stEvt:{name}>{saxutils.escape(value)}</stEvt:{name}>"
                for name, value in event.items()
            ),
            "     </rdf:li>",
            "    </rdf:Seq>",
            f"   </{HISTORY}>",
        ]
    body = "\n".join(lines)
    used = [p for p in NAMESPACES if p == "rdf" or f"<{p}:" in body]
    declared = "".join(
        f'\n    xmlns:{prefix}="{NAMESPACES[prefix]}"'
        for prefix in used
        if prefix != "rdf"
    )
    return (
        f"{_BEGIN}\n"
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        f' <rdf:RDF xmlns:rdf="{NAMESPACES["rdf"]}">\n'
        f'  <rdf:Description rdf:about=""{declared}>\n'
        f"{body}\n"
        "  </rdf:Description>\n"
        " </rdf:RDF>\n"
        "</x:xmpmeta>\n"
        f"{_END}"
    )


def merge_packets(old, new):
    """Adds the properties of a packet to another one."""
    if old == new:
        return old
    document = _parse(old)
    root = _rdf(document)
    old_parts = _descriptions(root)
    new_part = _descriptions(_rdf(_parse(new)))[0]
    for item in _elements(new_part):
        name = (item.namespaceURI, item.localName)
        found = [
            child
            for part in old_parts
            for child in _elements(part)
            if (child.namespaceURI, child.localName) == name
        ]
        in_attributes = [p for p in old_parts if p.hasAttributeNS(*name)]
        if item.tagName == HISTORY and found and _elements(found[0]):
            entries, (entry,) = _items(found[0]), _items(item)
            if not entries or _texts(entries[-1]) != _texts(entry):
                sequence = _elements(found[0])[0]
                sequence.appendChild(document.importNode(entry, True))
                _declare(sequence)
            new_part.removeChild(item)
        elif item.tagName in KEPT and (found or in_attributes):
            new_part.removeChild(item)
        else:
            for child in found:
                child.parentNode.removeChild(child)
            for part in in_attributes:
                part.removeAttributeNS(*name)
    for part in [new_part, *old_parts]:
        _drop_blank_lines(part)
    added = document.importNode(new_part, True)
    rdf, about = NAMESPACES["rdf"], ""
    if old_parts:
        about = old_parts[0].getAttributeNS(rdf, "about")
    added.setAttributeNS(rdf, "rdf:about", about)
    added.setAttribute("xmlns:rdf", rdf)
    root.appendChild(added)
    for part in old_parts:
        if not _elements(part) and not _own_attributes(part):
            root.removeChild(part)
    return "\n".join(node.toxml() for node in document.childNodes)


def read_properties(packet):
    """The simple properties of a packet."""
    _parse(packet)
    root = ElementTree.fromstring(packet.strip("\ufeff\0 \r\n\t"))
    rdf = qualified("rdf:")
    found = {}
    for part in root.iter(f"{rdf}Description"):
        for name, value in part.attrib.items():
            if not name.startswith((rdf, _XML_LANG)):
                found[name] = value
        for child in part:
            resource = child.get(f"{rdf}resource")
            if resource is not None:
                found[child.tag] = resource
            elif len(child) == 0:
                found[child.tag] = child.text or ""
    return found


def qualified(name):
    """A name such as `xmp:CreatorTool` in ElementTree's notation."""
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def decode(data):
    """The text of a packet's bytes."""
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"An XMP packet must have at most {MAX_BYTES} bytes. "
            f"Received: {len(data)} bytes"
        )
    try:
        return bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            "An XMP packet must be UTF-8 to be read. "
            f"Received: {bytes(data[:16])!r}..."
        ) from error


def _parse(packet):
    # Entities are no part of XMP, and can be made to fill the memory.
    if "<!DOCTYPE" in packet or "<!ENTITY" in packet:
        raise ValueError(
            "An XMP packet must not declare a document type. "
            f"Received: {packet[:60]!r}..."
        )
    try:
        document = minidom.parseString(
            packet.strip("\ufeff\0 \r\n\t").encode("utf-8")
        )
        _rdf(document)
    except (expat.ExpatError, RecursionError, LookupError) as error:
        raise ValueError(
            f"The XMP packet cannot be read: {error}. "
            f"Received: {packet[:60]!r}..."
        ) from error
    return document


def _rdf(document):
    found = document.getElementsByTagNameNS(NAMESPACES["rdf"], "RDF")
    if not found:
        raise ValueError(
            "An XMP packet must hold an element rdf:RDF. "
            f"Received: {document.documentElement.tagName}"
        )
    return found[0]


def _elements(node):
    return [n for n in node.childNodes if n.nodeType == n.ELEMENT_NODE]


def _descriptions(root):
    return [n for n in _elements(root) if n.localName == "Description"]


def _items(item):
    return [n for holder in _elements(item) for n in _elements(holder)]


def _texts(item):
    """What an entry of a list says, in either notation."""
    found = {
        node.localName: "".join(t.data for t in node.childNodes)
        for node in _elements(item)
        if all(t.nodeType == t.TEXT_NODE for t in node.childNodes)
    }
    for part in [item, *_descriptions(item)]:
        for name, value in _own_attributes(part):
            found[name] = value
    return found


def _own_attributes(part):
    """Attributes that are properties."""
    taken = (NAMESPACES["rdf"], "http://www.w3.org/2000/xmlns/")
    return [
        (attribute.localName, attribute.value)
        for attribute in part.attributes.values()
        if attribute.namespaceURI not in (None, *taken)
    ]


def _drop_blank_lines(part):
    """Removes the blanks between the properties, as some have gone."""
    for node in list(part.childNodes):
        if node.nodeType == node.TEXT_NODE and not node.data.strip():
            part.removeChild(node)


def _declare(node):
    for prefix in ("rdf", "stEvt"):
        node.setAttribute(f"xmlns:{prefix}", NAMESPACES[prefix])
