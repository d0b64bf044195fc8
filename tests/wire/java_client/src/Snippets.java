import com.lacunasoftware.restpkicore.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;

/**
 * What an application of the published guide does with the published client library. Each line that is written has a
 * name, a tab and what the library read. Arguments: endpoint, key, folder of files, id of a session that is signed.
 */
public class Snippets {
    private static void say(String name, Callable<Object> snippet) {
        String read;
        try {
            read = String.valueOf(snippet.call());
        } catch (RestPkiException refused) {
            read = "refused " + refused.getErrorCodeStr();
        } catch (RestErrorException refused) {
            read = "refused " + refused.getStatusCode();
        } catch (Exception failed) {
            read = "failed " + failed;
        }
        System.out.println(name + "\t" + read.replace('\n', ' '));
    }

    public static void main(String[] arguments) throws Exception {
        RestPkiOptions options = new RestPkiOptions();
        options.setEndpoint(arguments[0]);
        options.setApiKey(arguments[1]);
        options.setCulture("pt-BR");
        Path folder = Path.of(arguments[2]);
        UUID signed = UUID.fromString(arguments[3]);
        RestPkiService service = RestPkiServiceFactory.getService(options);
        String back = "http://localhost:60695/signature-session-rest-core/complete";

        say("create", () -> {
            CreateSignatureSessionRequest request = new CreateSignatureSessionRequest();
            request.setReturnUrl(back);
            return service.createSignatureSession(request).getRedirectUrl();
        });
        say("predefine", () -> {
            List<SignatureSessionDocumentToSign> documents = new ArrayList<>();
            SignatureSessionDocumentToSign document = new SignatureSessionDocumentToSign();
            document.setFile(FileReference.fromFile(folder.resolve("doc1.pdf").toString(), null, "application/pdf"));
            documents.add(document);
            document = new SignatureSessionDocumentToSign();
            document.setFile(FileReference.fromStream(Files.newInputStream(folder.resolve("doc.xml")), "doc.xml", null));
            documents.add(document);
            Map<String, List<String>> metadata = new HashMap<>();
            metadata.put("organization", Arrays.asList("Patorum Inc."));
            UUID id = service.createSignatureSession(new CreateSignatureSessionRequest(), null, metadata, documents)
                .getSessionId();
            SignatureSession session = service.getSignatureSession(id);
            return session.getStatus() + " " + session.getDocuments().size() + " "
                + session.getDocuments().get(0).getSignatureType() + " "
                + session.getDocuments().get(1).getOriginalFile().getName();
        });
        say("requirement", () -> {
            CreateSignatureSessionRequest request = new CreateSignatureSessionRequest();
            CertificateRequirement requirement = new CertificateRequirement();
            requirement.setType(CertificateRequirementTypes.CRYPTODEVICE);
            request.addCertificateRequirementsItem(requirement);
            request.setDisableDownloads(true);
            return service.createSignatureSession(request).getSessionId() != null;
        });
        say("pdfa", () -> {
            CreateSignatureSessionRequest request = new CreateSignatureSessionRequest();
            PdfSignatureOptions pdf = new PdfSignatureOptions();
            pdf.setConvertToPdfA(true);
            request.setPdfSignatureOptions(pdf);
            return service.createSignatureSession(request).getSessionId();
        });
        say("callback", () -> {
            SignatureSession session = service.getSignatureSession(signed);
            DocumentFile file = session.getDocuments().get(0).getSignedFile();
            byte[] content = service.getContent(file.getLocation());
            return session.getStatus() + " " + file.getName() + " " + (content.length == file.getLength()) + " "
                + new String(content, 0, 5, StandardCharsets.US_ASCII) + " "
                + session.getSignerCertificate().getPkiBrazil().getCertificateType();
        });
        say("document", () -> {
            UUID id = service.getSignatureSession(signed).getDocuments().get(0).getId();
            Document document = service.getDocument(id);
            Document found = service.findDocumentByKey(document.getFormattedKey());
            return found.getId().equals(id) + " " + document.getSignatureType();
        });
        say("signers", () -> {
            UUID id = service.getSignatureSession(signed).getDocuments().get(0).getId();
            Signer signer = service.getDocumentSigners(id).get(0);
            return signer.getCertificate().getSubjectName().getCommonName() + " " + signer.MessageDigest().getAlgorithm()
                + " " + signer.Signature().getAlgorithmIdentifier().getAlgorithm() + " "
                + (signer.getCertificate().getSerialNumber().signum() > 0) + " " + (signer.SigningTime() != null);
        });
        say("keys", () -> service.allocateDocumentKey().getKey().length() + " " + service.allocateDocumentKeys(3).size());
        say("application", () -> {
            Map<String, List<String>> metadata = new HashMap<>();
            metadata.put("Order", Arrays.asList("42"));
            String name = "Java " + UUID.randomUUID();
            ApplicationAndKey made = service.createApplicationAndKey(name, Arrays.asList(Roles.WORKER), metadata);
            return made != null;
        });
        say("login", () -> {
            PrepareAuthenticationOptions wanted = new PrepareAuthenticationOptions();
            wanted.setSecurityContext(new SecurityContext("803517ad-3bbc-4169-b085-60053a8f6dbf"));
            return !service.prepareAuthentication(wanted).getState().isEmpty();
        });
        say("unknown", () -> service.getSignatureSession(UUID.randomUUID()));
        say("unserved", () -> service.getDocumentSignatures(UUID.randomUUID()));
    }
}
