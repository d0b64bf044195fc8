import eu.europa.esig.dss.diagnostic.DiagnosticData;
import eu.europa.esig.dss.diagnostic.PDFRevisionWrapper;
import eu.europa.esig.dss.diagnostic.SignatureWrapper;
import eu.europa.esig.dss.diagnostic.TimestampWrapper;
import eu.europa.esig.dss.diagnostic.jaxb.XmlDigestMatcher;
import eu.europa.esig.dss.diagnostic.jaxb.XmlObjectModification;
import eu.europa.esig.dss.diagnostic.jaxb.XmlSignatureScope;
import eu.europa.esig.dss.jaxb.object.Message;
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.InMemoryDocument;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.pades.validation.PDFDocumentValidator;
import eu.europa.esig.dss.pdf.modifications.DefaultPdfDifferencesFinder;
import eu.europa.esig.dss.pdf.pdfbox.PdfBoxNativeObjectFactory;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.client.http.IgnoreDataLoader;
import eu.europa.esig.dss.spi.policy.SignaturePolicyProvider;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import eu.europa.esig.dss.validation.reports.Reports;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;

/**
 * A second opinion on signed files, from the EU's DSS library: one request a line on standard input, one JSON line
 * an answer. `../dss.py` builds and starts it.
 */
public final class Judge {

    private static final Pattern CERTIFICATE = Pattern.compile("(?i).*\\.(crt|cer|pem)");
    private static final Pattern REVOCATION =
            Pattern.compile("<(RevocationDataAvailable|AcceptableRevocationDataFound)\\s+Level=\"\\w+\"");
    private static final int SECONDS = Integer.getInteger("judge.seconds", 120);
    private static final int PAGES = Integer.getInteger("judge.pages", 0);
    private static final String AT = "at=";
    private static final String REVOCATION_WANTED = "revocation";

    private final byte[] policy = policy(false);
    private final byte[] policyWithRevocation = policy(true);
    private final ExecutorService worker = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "judging");
        thread.setDaemon(true);
        return thread;
    });

    private Judge() throws Exception {
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err); // no library may write between the answers
        Judge judge = new Judge();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            if (!line.isBlank()) {
                out.println(Json.of(judge.answer(line)));
            }
        }
    }

    /** The policy that comes with DSS; offline there is no revocation data, so that is left out unless asked for. */
    private static byte[] policy(boolean revocation) throws Exception {
        try (InputStream source = Judge.class.getResourceAsStream("/policy/constraint.xml")) {
            String text = new String(source.readAllBytes(), StandardCharsets.UTF_8);
            if (!revocation) {
                text = REVOCATION.matcher(text).replaceAll("<$1 Level=\"IGNORE\"");
            }
            return text.getBytes(StandardCharsets.UTF_8);
        }
    }

    private Map<String, Object> answer(String line) {
        List<String> words = Arrays.asList(line.indexOf('\t') >= 0 ? line.split("\t+") : line.trim().split("\\s+"));
        long begun = System.nanoTime();
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("path", words.get(0));
        Future<Map<String, Object>> opinion = worker.submit(() -> judge(words));
        try {
            answer.putAll(opinion.get(SECONDS, TimeUnit.SECONDS));
        } catch (TimeoutException late) {
            opinion.cancel(true);
            answer.put("exception", "Timeout: no verdict in " + SECONDS + " s");
        } catch (ExecutionException failed) {
            answer.put("exception", chain(failed.getCause()));
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            answer.put("exception", "Interrupted");
        }
        answer.put("ms", (System.nanoTime() - begun) / 1_000_000);
        return answer;
    }

    private Map<String, Object> judge(List<String> words) throws Exception {
        File file = new File(words.get(0));
        CommonTrustedCertificateSource anchors = new CommonTrustedCertificateSource();
        List<DSSDocument> detached = new ArrayList<>();
        String time = null;
        byte[] wanted = policy;
        for (String word : words.subList(1, words.size())) {
            if (word.startsWith(AT)) {
                time = word.substring(AT.length());
            } else if (word.equals(REVOCATION_WANTED)) {
                wanted = policyWithRevocation;
            } else if (CERTIFICATE.matcher(word).matches()) {
                certificates(word).forEach(anchors::addCertificate);
            } else {
                detached.add(new FileDocument(word));
            }
        }
        CommonCertificateVerifier verifier = new CommonCertificateVerifier();
        verifier.setTrustedCertSources(anchors);
        verifier.setAIASource(null);
        verifier.setCrlSource(null);
        verifier.setOcspSource(null);
        SignaturePolicyProvider policies = new SignaturePolicyProvider();
        policies.setDataLoader(new IgnoreDataLoader());

        DSSDocument document = new FileDocument(file);
        SignedDocumentValidator validator = SignedDocumentValidator.fromDocument(document);
        if (validator instanceof PDFDocumentValidator pdf) {
            DefaultPdfDifferencesFinder differences = new DefaultPdfDifferencesFinder();
            differences.setMaximalPagesAmountForVisualComparison(PAGES);
            PdfBoxNativeObjectFactory objects = new PdfBoxNativeObjectFactory();
            objects.setPdfDifferencesFinder(differences);
            pdf.setPdfObjFactory(objects);
        }
        validator.setCertificateVerifier(verifier);
        validator.setSignaturePolicyProvider(policies);
        validator.setDetachedContents(detached);
        if (time != null) { // judge as on that day
            validator.setValidationTime(java.util.Date.from(java.time.Instant.parse(time)));
        }
        Reports reports = validator.validateDocument(new InMemoryDocument(wanted, "policy.xml"));

        DiagnosticData facts = reports.getDiagnosticData();
        SimpleReport report = reports.getSimpleReport();
        List<Object> signatures = new ArrayList<>();
        for (SignatureWrapper signature : facts.getSignatures()) {
            signatures.add(signature(signature, report, file.length()));
        }
        List<Object> timestamps = new ArrayList<>();
        for (TimestampWrapper timestamp : facts.getTimestampList()) {
            Map<String, Object> item = new LinkedHashMap<>();
            item.put("type", timestamp.getType());
            item.put("indication", report.getIndication(timestamp.getId()));
            item.put("subIndication", report.getSubIndication(timestamp.getId()));
            item.put("productionTime", timestamp.getProductionTime());
            item.put("imprintIntact", timestamp.isMessageImprintDataIntact());
            item.put("signatureIntact", timestamp.isSignatureIntact());
            PDFRevisionWrapper revision = timestamp.getPDFRevision();
            if (revision != null) {
                item.put("coversWholeFile", coversWholeFile(revision, file.length()));
            }
            timestamps.add(item);
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("validator", validator.getClass().getSimpleName());
        result.put("signatures", signatures);
        result.put("timestamps", timestamps);
        return result;
    }

    private static List<CertificateToken> certificates(String path) throws Exception {
        List<CertificateToken> found = new ArrayList<>();
        try (InputStream source = Files.newInputStream(Path.of(path))) {
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(source)) {
                found.add(new CertificateToken((X509Certificate) certificate));
            }
        }
        return found;
    }

    private static Map<String, Object> signature(SignatureWrapper signature, SimpleReport report, long length) {
        String id = signature.getId();
        Map<String, Object> item = new LinkedHashMap<>();
        item.put("indication", report.getIndication(id));
        item.put("subIndication", report.getSubIndication(id));
        item.put("level", signature.getSignatureFormat());
        item.put("signingTime", signature.getClaimedSigningTime());
        item.put("signedBy", report.getSignedBy(id));
        item.put("counterSignature", signature.isCounterSignature());
        item.put("signatureIntact", signature.isSignatureIntact());
        item.put("signatureValid", signature.isSignatureValid());
        item.put("algorithm", signature.getSignatureAlgorithm());
        item.put("structureValid", signature.isStructuralValidationValid());
        item.put("structureMessages", signature.getStructuralValidationMessages());
        List<Object> references = new ArrayList<>();
        boolean found = true;
        boolean intact = true;
        for (XmlDigestMatcher matcher : signature.getDigestMatchers()) {
            Map<String, Object> reference = new LinkedHashMap<>();
            reference.put("type", matcher.getType());
            reference.put("name", matcher.getUri() == null ? matcher.getId() : matcher.getUri());
            reference.put("found", matcher.isDataFound());
            reference.put("intact", matcher.isDataIntact());
            references.add(reference);
            found &= matcher.isDataFound();
            intact &= matcher.isDataIntact();
        }
        item.put("dataFound", found);
        item.put("dataIntact", intact);
        item.put("references", references);
        List<Object> scopes = new ArrayList<>();
        if (signature.getSignatureScopes() != null) {
            for (XmlSignatureScope scope : signature.getSignatureScopes()) {
                scopes.add(scope.getScope() + ": " + scope.getName());
            }
        }
        item.put("scopes", scopes);
        PDFRevisionWrapper revision = signature.getPDFRevision();
        if (revision != null) {
            item.put("fields", revision.getSignatureFieldNames());
            item.put("subFilter", revision.getSubFilter());
            item.put("docMdp", revision.getDocMDPPermissions());
            item.put("coversWholeFile", coversWholeFile(revision, length));
            item.put("byteRange", revision.getSignatureByteRange());
            item.put("byteRangeValid", revision.isSignatureByteRangeValid());
            item.put("dictionaryConsistent", revision.isPdfSignatureDictionaryConsistent());
            item.put("modificationsDetected", revision.arePdfModificationsDetected());
            item.put("objectModifications", revision.arePdfObjectModificationsDetected());
            item.put("extensionChanges", changes(revision.getPdfExtensionChanges()));
            item.put("signatureOrFormFillChanges", changes(revision.getPdfSignatureOrFormFillChanges()));
            item.put("annotationChanges", changes(revision.getPdfAnnotationChanges()));
            item.put("undefinedChanges", changes(revision.getPdfUndefinedChanges()));
            item.put("annotationOverlapPages", revision.getPdfAnnotationsOverlapConcernedPages());
            item.put("visualDifferencePages", revision.getPdfVisualDifferenceConcernedPages());
            item.put("pageDifferencePages", revision.getPdfPageDifferenceConcernedPages());
        }
        item.put("errors", texts(report.getAdESValidationErrors(id)));
        item.put("warnings", texts(report.getAdESValidationWarnings(id)));
        if (signature.getErrorMessage() != null) {
            item.put("readingError", signature.getErrorMessage());
        }
        return item;
    }

    private static boolean coversWholeFile(PDFRevisionWrapper revision, long length) {
        List<BigInteger> range = revision.getSignatureByteRange();
        return range != null && range.size() == 4 && range.get(0).signum() == 0
                && range.get(2).add(range.get(3)).equals(BigInteger.valueOf(length));
    }

    private static List<Object> changes(List<XmlObjectModification> modifications) {
        List<Object> named = new ArrayList<>();
        if (modifications != null) {
            for (XmlObjectModification change : modifications.subList(0, Math.min(20, modifications.size()))) {
                named.add(change.getAction() + " " + change.getValue());
            }
        }
        return named;
    }

    private static List<Object> texts(List<Message> messages) {
        List<Object> texts = new ArrayList<>();
        for (Message message : messages) {
            texts.add(message.getKey() + ": " + message.getValue());
        }
        return texts;
    }

    private static String chain(Throwable failure) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = failure; cause != null && text.length() < 800; cause = cause.getCause()) {
            text.append(text.isEmpty() ? "" : " <- ").append(cause.getClass().getSimpleName()).append(": ")
                    .append(cause.getMessage());
        }
        return text.toString();
    }

    /** Just enough JSON to write an answer. */
    private static final class Json {

        static String of(Object value) {
            StringBuilder text = new StringBuilder();
            write(value, text);
            return text.toString();
        }

        private static void write(Object value, StringBuilder text) {
            if (value instanceof Map<?, ?> map) {
                char before = '{';
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    text.append(before);
                    string(entry.getKey().toString(), text);
                    text.append(':');
                    write(entry.getValue(), text);
                    before = ',';
                }
                text.append(map.isEmpty() ? "{}" : "}");
            } else if (value instanceof Iterable<?> items) {
                text.append('[');
                String before = "";
                for (Object item : items) {
                    text.append(before);
                    write(item, text);
                    before = ",";
                }
                text.append(']');
            } else if (value == null || value instanceof Number || value instanceof Boolean) {
                text.append(value);
            } else if (value instanceof java.util.Date date) {
                string(date.toInstant().toString(), text);
            } else {
                string(value.toString(), text);
            }
        }

        private static void string(String value, StringBuilder text) {
            text.append('"');
            for (char c : value.toCharArray()) {
                if (c == '"' || c == '\\') {
                    text.append('\\').append(c);
                } else if (c < 0x20 || c == 0x7f || Character.isSurrogate(c)) {
                    text.append(String.format("\\u%04x", (int) c));
                } else {
                    text.append(c);
                }
            }
            text.append('"');
        }
    }
}
