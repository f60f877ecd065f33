import org.eclipse.jetty.server.CustomRequestLog;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;
import org.springframework.web.context.support.StaticWebApplicationContext;
import org.springframework.web.servlet.DispatcherServlet;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerAdapter;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

/**
 * Runs {@link AntController} in Jetty and prints one line for each request. Where Spring Boot is at hand, the controller
 * alone is enough; this is the least that it needs elsewhere.
 */
public final class Receiver {
    private Receiver() {
    }

    public static void main(String[] arguments) throws Exception {
        StaticWebApplicationContext context = new StaticWebApplicationContext();
        context.registerSingleton("controller", AntController.class);
        context.registerSingleton("mapping", RequestMappingHandlerMapping.class);
        context.registerSingleton("adapter", RequestMappingHandlerAdapter.class);

        ServletContextHandler handler = new ServletContextHandler();
        handler.addServlet(new ServletHolder(new DispatcherServlet(context)), "/");

        String port = System.getenv().getOrDefault("PORT", "8080");
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(port));
        // Longer than the sender keeps a connection that does nothing (30 s), so that a request never meets one just closed.
        connector.setIdleTimeout(40_000);
        server.addConnector(connector);
        server.setHandler(handler);
        server.setRequestLog(new CustomRequestLog(System.out::println, "%m %U %s %q"));
        server.start();
        System.out.println("listening on http://127.0.0.1:" + connector.getLocalPort());
        server.join();
    }
}
