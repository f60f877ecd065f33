import org.springframework.http.ResponseEntity;
import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;

/** The controller of ANT's documentation, word for word: six parameters in the query, all of them required. */
@Controller
public class AntController {

@GetMapping("/ant-sms-deliver")
 public ResponseEntity<Object> listenAnt(@RequestParam(name = "smsId") String msgId,
                                            @RequestParam(name = "destination") String destination,
                                            @RequestParam(name = "sendTime") String sendTime,
                                            @RequestParam(name = "sendResult") String sendResult,
                                            @RequestParam(name = "dr") String dr,
                                            @RequestParam(name = "smsCount") String smsCount) {
        try {
            //todo your code
        }catch (Exception e){
            ILogger.info("listenAnt err ", e);
        }

        return new ResponseEntity<>(org.springframework.http.HttpStatus.OK);
}

}
