import java.util.logging.Level;
import java.util.logging.Logger;

/** The logger that ANT's example calls; yours takes its place. */
final class ILogger {
    private static final Logger LOGGER = Logger.getLogger("receiver");

    private ILogger() {
    }

    static void info(String message, Exception error) {
        LOGGER.log(Level.INFO, message, error);
    }
}
