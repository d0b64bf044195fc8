import eu.europa.esig.dss.cades.CAdESSignatureParameters;
import eu.europa.esig.dss.cades.signature.CAdESService;
import eu.europa.esig.dss.enumerations.DigestAlgorithm;
import eu.europa.esig.dss.enumerations.SignatureLevel;
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.TimestampBinary;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.pades.PAdESSignatureParameters;
import eu.europa.esig.dss.pades.signature.PAdESService;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonCertificateSource;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.revocation.crl.ExternalResourcesCRLSource;
import eu.europa.esig.dss.spi.x509.revocation.ocsp.ExternalResourcesOCSPSource;
import eu.europa.esig.dss.spi.x509.tsp.TSPSource;
import eu.europa.esig.dss.xades.XAdESSignatureParameters;
import eu.europa.esig.dss.xades.signature.XAdESService;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import org.bouncycastle.tsp.TSPException;
import org.bouncycastle.tsp.TimeStampRequest;
import org.bouncycastle.tsp.TimeStampRequestGenerator;
import org.bouncycastle.tsp.TimeStampResponse;

/**
 * Raises signatures with the EU's DSS library, and says what that costs: one request a line on standard input, one
 * JSON line an answer. `bench/extender.py` builds and starts it.
 *
 * <p>A request is FORM, LEVEL, FILE, OUTPUT, MATERIAL and the address of the timestamp authority, with tabs between.
 * FORM is PAdES, CAdES or XAdES, and LEVEL is T, LT or LTA. MATERIAL is a folder: `anchors`, `certificates`, `lists` and
 * `responses` in it hold files in DER.
 *
 * <p>An answer has `ms` and `bytes`, or `error`. `ms`: milliseconds of the processor that the extending thread takes,
 * from the opened file to the written one. What the thread does to ask the authority is left out, and so is the reading
 * of the material. What the collector and the compiler of the virtual machine do in threads of their own is not
 * counted. `bytes`: how much longer the file has become.
 */
public final class Extender {

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private Extender() {
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err); // no library may write between the answers
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            out.println(answer(line.split("\t")));
        }
    }

    private static String answer(String[] words) {
        try {
            Authority authority = new Authority(words[5]);
            CommonCertificateVerifier verifier = verifier(new File(words[4]));
            File file = new File(words[2]);
            long begun = THREADS.getCurrentThreadCpuTime();
            extend(words[0], words[1], new FileDocument(file), verifier, authority).save(words[3]);
            long taken = THREADS.getCurrentThreadCpuTime() - begun - authority.asking;
            long more = new File(words[3]).length() - file.length();
            return String.format(Locale.ROOT, "{\"ms\": %.3f, \"bytes\": %d}", taken / 1e6, more);
        } catch (OutOfMemoryError full) {
            return "{\"error\": \"no memory\"}";
        } catch (Exception | LinkageError failed) { // the next file may do better
            return "{\"error\": \"" + told(failed) + "\"}";
        }
    }

    private static DSSDocument extend(
            String form, String level, DSSDocument file, CommonCertificateVerifier verifier, TSPSource authority) {
        switch (form) {
            case "PAdES" -> {
                PAdESService service = new PAdESService(verifier);
                service.setTspSource(authority);
                PAdESSignatureParameters wanted = new PAdESSignatureParameters();
                wanted.setSignatureLevel(SignatureLevel.valueOf("PAdES_BASELINE_" + level));
                return service.extendDocument(file, wanted);
            }
            case "CAdES" -> {
                CAdESService service = new CAdESService(verifier);
                service.setTspSource(authority);
                CAdESSignatureParameters wanted = new CAdESSignatureParameters();
                wanted.setSignatureLevel(SignatureLevel.valueOf("CAdES_BASELINE_" + level));
                return service.extendDocument(file, wanted);
            }
            case "XAdES" -> {
                XAdESService service = new XAdESService(verifier);
                service.setTspSource(authority);
                XAdESSignatureParameters wanted = new XAdESSignatureParameters();
                wanted.setSignatureLevel(SignatureLevel.valueOf("XAdES_BASELINE_" + level));
                return service.extendDocument(file, wanted);
            }
            default -> throw new IllegalArgumentException(form);
        }
    }

    /** New for each request: what one extension has learnt must not help the next one. */
    private static CommonCertificateVerifier verifier(File material) {
        CommonTrustedCertificateSource anchors = new CommonTrustedCertificateSource();
        for (File file : files(material, "anchors")) {
            anchors.addCertificate(certificate(file));
        }
        CommonCertificateSource others = new CommonCertificateSource();
        for (File file : files(material, "certificates")) {
            others.addCertificate(certificate(file));
        }
        CommonCertificateVerifier verifier = new CommonCertificateVerifier();
        verifier.setTrustedCertSources(anchors);
        verifier.setAdjunctCertSources(others);
        verifier.setAIASource(null);
        verifier.setCrlSource(new ExternalResourcesCRLSource(documents(material, "lists")));
        verifier.setOcspSource(new ExternalResourcesOCSPSource(documents(material, "responses")));
        return verifier;
    }

    private static CertificateToken certificate(File file) {
        return DSSUtils.loadCertificate(file);
    }

    private static DSSDocument[] documents(File material, String name) {
        return Arrays.stream(files(material, name)).map(FileDocument::new).toArray(DSSDocument[]::new);
    }

    private static File[] files(File material, String name) {
        File[] found = new File(material, name).listFiles();
        if (found == null) {
            throw new IllegalArgumentException("There is no folder " + name + ".");
        }
        Arrays.sort(found);
        return found;
    }

    /** In JSON, without what would have to be escaped. */
    private static String told(Throwable failure) {
        String text = failure.getClass().getSimpleName() + ": " + failure.getMessage();
        return text.replaceAll("[^\\x20-\\x7e]|[\"\\\\]", " ").substring(0, Math.min(300, text.length()));
    }

    /** A timestamp authority on loopback (RFC 3161, 3.4). */
    private static final class Authority implements TSPSource {

        private static final long serialVersionUID = 1L;

        private final String address;
        private long asking;

        Authority(String address) {
            this.address = address;
        }

        @Override
        public TimestampBinary getTimeStampResponse(DigestAlgorithm algorithm, byte[] digest) {
            long begun = THREADS.getCurrentThreadCpuTime();
            try {
                TimeStampRequestGenerator generator = new TimeStampRequestGenerator();
                generator.setCertReq(true);
                TimeStampRequest request =
                        generator.generate(new org.bouncycastle.asn1.ASN1ObjectIdentifier(algorithm.getOid()), digest);
                TimeStampResponse response = new TimeStampResponse(exchange(request.getEncoded()));
                response.validate(request);
                return new TimestampBinary(response.getTimeStampToken().getEncoded());
            } catch (IOException | TSPException failed) {
                throw new IllegalStateException("The timestamp authority did not answer.", failed);
            } finally {
                asking += THREADS.getCurrentThreadCpuTime() - begun;
            }
        }

        private byte[] exchange(byte[] query) throws IOException {
            HttpURLConnection connection = (HttpURLConnection) URI.create(address).toURL().openConnection();
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", "application/timestamp-query");
            try (OutputStream body = connection.getOutputStream()) {
                body.write(query);
            }
            try (InputStream body = connection.getInputStream()) {
                return body.readAllBytes();
            }
        }
    }
}
