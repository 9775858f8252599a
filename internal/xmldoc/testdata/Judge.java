import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.TreeMap;
import javax.xml.parsers.SAXParserFactory;
import org.xml.sax.Attributes;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;
import org.xml.sax.helpers.DefaultHandler;

/** Reads every file of a folder with the JDK's parser and tells of each what it holds, or why it is no XML. */
class Judge extends DefaultHandler {
    private final StringBuilder held = new StringBuilder();
    private final StringBuilder text = new StringBuilder();

    public static void main(String[] args) throws Exception {
        SAXParserFactory factory = SAXParserFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        File[] files = new File(args[0]).listFiles();
        Arrays.sort(files);
        for (File file : files) {
            Judge judge = new Judge();
            try (InputStream in = new FileInputStream(file)) {
                factory.newSAXParser().parse(in, judge);
                System.out.println(file.getName() + "\t" + judge.sum());
            } catch (Exception e) {
                System.out.println(file.getName() + "\tno: " + String.valueOf(e.getMessage()).replaceAll("\\s+", " "));
            }
        }
    }

    private String sum() throws Exception {
        StringBuilder hex = new StringBuilder();
        for (byte b : MessageDigest.getInstance("SHA-256").digest(held.toString().getBytes(StandardCharsets.UTF_8))) {
            hex.append(String.format("%02x", b));
        }
        return hex.toString();
    }

    private void flush() {
        if (text.length() > 0) {
            held.append("T\0").append(text).append('\n');
            text.setLength(0);
        }
    }

    @Override
    public void startElement(String uri, String local, String name, Attributes attributes) {
        flush();
        held.append("S\0").append(uri).append('\0').append(local);
        TreeMap<String, String> sorted = new TreeMap<>();
        for (int i = 0; i < attributes.getLength(); i++) {
            sorted.put(attributes.getURI(i) + '\0' + attributes.getLocalName(i), attributes.getValue(i));
        }
        sorted.forEach((key, value) -> held.append('\0').append(key).append('\0').append(value));
        held.append('\n');
    }

    @Override
    public void endElement(String uri, String local, String name) {
        flush();
        held.append("E\n");
    }

    @Override
    public void characters(char[] chars, int start, int length) {
        text.append(chars, start, length);
    }

    @Override
    public void processingInstruction(String target, String data) {
        flush();
        held.append("P\0").append(target).append('\0').append(data).append('\n');
    }

    @Override
    public void error(SAXParseException e) throws SAXException {
        throw e;
    }
}
