from xml.etree import ElementTree

from absl.testing import parameterized

from keras_comic.provenance import xmp

NEW = xmp.write_packet(
    {"xmp:CreatorTool": "ours 1", "keras_comic:Preset": "ink & <paper>"},
    "A comic.",
    {"action": "converted", "softwareAgent": "ours 1"},
)
# As a photo editor writes it: short forms, other prefixes, a rating.
OLD = """<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 5.6.0">
 <R:RDF xmlns:R="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <R:Description R:about="uuid:1" xmlns:a="http://ns.adobe.com/xap/1.0/"
    xmlns:mm="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:e="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    a:CreatorTool="editor 9" a:Rating="4">
   <dc:description><R:Alt><R:li xml:lang="x-default">My dog</R:li></R:Alt>
   </dc:description>
   <mm:History><R:Seq><R:li e:action="saved" e:softwareAgent="editor 9"/>
   </R:Seq></mm:History>
  </R:Description>
 </R:RDF>
</x:xmpmeta>
<?xpacket end='w'?>"""
TOOL = "{http://ns.adobe.com/xap/1.0/}CreatorTool"
RATING = "{http://ns.adobe.com/xap/1.0/}Rating"
PRESET = "{urn:x-keras-comic:provenance:1.0/}Preset"


def texts(packet, name):
    root = ElementTree.fromstring(packet)
    return [
        "".join(node.itertext()).strip()
        for node in root.iter()
        if node.tag.endswith("}" + name)
    ]


def actions(packet):
    root = ElementTree.fromstring(packet)
    history = [n for n in root.iter() if n.tag.endswith("}History")]
    assert len(history) == 1
    found = []
    for entry in history[0][0]:
        found += [v for k, v in entry.attrib.items() if k.endswith("}action")]
        found += [n.text for n in entry if n.tag.endswith("}action")]
    return found


class XMPTest(parameterized.TestCase):
    def test_what_is_written_is_read(self):
        found = xmp.read_properties(NEW)
        self.assertEqual(found[TOOL], "ours 1")
        self.assertEqual(found[PRESET], "ink & <paper>")
        self.assertEqual(xmp.qualified("xmp:CreatorTool"), TOOL)
        self.assertEqual(texts(NEW, "description"), ["A comic."])

    def test_reads_short_forms_and_resources(self):
        found = xmp.read_properties(OLD)
        self.assertEqual(found[TOOL], "editor 9")
        packet = OLD.replace(
            "<mm:History>", '<dc:type R:resource="urn:x"/><mm:History>'
        )
        found = xmp.read_properties(packet)
        self.assertEqual(
            found["{http://purl.org/dc/elements/1.1/}type"], "urn:x"
        )

    def test_merged_properties(self):
        merged = xmp.merge_packets(OLD, NEW)
        found = xmp.read_properties(merged)
        self.assertEqual(found[TOOL], "ours 1")
        self.assertEqual(found[RATING], "4")
        self.assertEqual(found[PRESET], "ink & <paper>")
        self.assertEqual(texts(merged, "description"), ["My dog"])
        self.assertEqual(actions(merged), ["saved", "converted"])
        about = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
        parts = ElementTree.fromstring(merged).iter()
        parts = [n.get(about) for n in parts if n.tag.endswith("Description")]
        self.assertEqual(set(parts), {"uuid:1"})
        self.assertIn("<?xpacket begin", merged)

    def test_merging_again_changes_nothing_that_counts(self):
        self.assertEqual(xmp.merge_packets(NEW, NEW), NEW)
        once = xmp.merge_packets(OLD, NEW)
        twice = xmp.merge_packets(once, NEW)
        self.assertEqual(actions(twice), ["saved", "converted"])
        self.assertEqual(xmp.read_properties(twice), xmp.read_properties(once))

    def test_other_versions_replace(self):
        newer = NEW.replace("ours 1", "ours 2")
        merged = xmp.merge_packets(NEW, newer)
        self.assertEqual(xmp.read_properties(merged)[TOOL], "ours 2")
        self.assertEqual(texts(merged, "CreatorTool"), ["ours 2"])
        self.assertEqual(actions(merged), ["converted", "converted"])

    @parameterized.named_parameters(
        ("no_xml", "My dog", "cannot be read"),
        ("empty", "", "cannot be read"),
        ("cut", OLD[:400], "cannot be read"),
        ("no_rdf", "<a/>", "rdf:RDF. Received: a"),
        ("document_type", "<!DOCTYPE a><a/>", "document type"),
        ("deep", "<a>" * 20_000 + "</a>" * 20_000, "(?s)read|rdf:RDF"),
    )
    def test_refuses(self, packet, message):
        with self.assertRaisesRegex(ValueError, message):
            xmp.merge_packets(packet, NEW)
        with self.assertRaisesRegex(ValueError, message):
            xmp.read_properties(packet)

    def test_decode(self):
        self.assertEqual(xmp.decode("é".encode()), "é")
        with self.assertRaisesRegex(ValueError, "UTF-8"):
            xmp.decode(b"\xff\xfe<\0")
        with self.assertRaisesRegex(ValueError, "at most"):
            xmp.decode(bytes(xmp.MAX_BYTES + 1))
