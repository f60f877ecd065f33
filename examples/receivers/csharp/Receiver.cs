// A receiver of webhooks, with the class library alone: it runs on Mono, .NET Framework and .NET.
//
//     mcs -r:System.Runtime.Serialization Receiver.cs
//     PORT=8080 WEBHOOK_SECRET=whsec_... BEARER_SECRET=... VALIDATION_KEY=... mono Receiver.exe
//
// It answers three kinds of webhook at three paths (../README.md) and prints one line for each request. In production it
// stands behind a proxy that speaks TLS.
using System;
using System.Collections.Generic;
using System.Collections.Specialized;
using System.IO;
using System.Linq;
using System.Net;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Threading;

/// <summary>What the sender gets, and what the line of the request says.</summary>
sealed class Answer
{
    public readonly int Status;
    public readonly string Note;
    public object Json;
    public string Allow;

    public Answer(int status, string note)
    {
        Status = status;
        Note = note;
    }
}

[DataContract]
sealed class Event
{
    [DataMember(Name = "message")] public Report Message = null;
}

[DataContract]
sealed class Report
{
    [DataMember(Name = "id")] public string Id = null;
    [DataMember(Name = "status")] public string Status = null;
}

/// <summary>What comes to the callback: a handshake or a report.</summary>
[DataContract]
sealed class Callback
{
    [DataMember(Name = "validation_key")] public string ValidationKey = null;
    [DataMember(Name = "challenge")] public string Challenge = null;
    [DataMember(Name = "id")] public string Id = null;
    [DataMember(Name = "status")] public string Status = null;
}

[DataContract]
sealed class ChallengeAnswer
{
    [DataMember(Name = "challenge")] public string Challenge;
}

static class Receiver
{
    const int MaxBody = 2 * 1024 * 1024;
    static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);
    static readonly string[] AntParameters = { "smsId", "destination", "sendTime", "sendResult", "dr", "smsCount" };
    static readonly DateTime Epoch = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    static readonly string WebhookSecret = Setting("WEBHOOK_SECRET");
    static readonly string BearerSecret = Setting("BEARER_SECRET");
    static readonly string ValidationKey = Setting("VALIDATION_KEY");

    // Ids of events that are done. In production: a table with a unique key, written in the transaction that does the
    // work, and kept for a week; then it outlives a restart and two processes.
    static readonly HashSet<string> Done = new HashSet<string>();

    // --- A delivery report of ANT: GET with six parameters. ---------------------------------------------------------

    static Answer AntReport(HttpListenerRequest request)
    {
        foreach (var name in AntParameters)
        {
            if (request.QueryString[name] == null) // a value may be empty, a parameter may not be absent
                return new Answer(400, name + " is missing");
        }
        // Put the report into a queue or a table here, and answer; work on it afterwards.
        return new Answer(200, request.Url.Query.TrimStart('?'));
    }

    // --- A signed event: POST with a JSON body, as Standard Webhooks describes it. ----------------------------------

    /// <summary>Why the request is not known to come from the sender; null if it is his.</summary>
    static Answer WhyNotVerified(string secret, NameValueCollection headers, byte[] body, DateTime now)
    {
        var id = headers["webhook-id"];
        var timestamp = headers["webhook-timestamp"];
        var signatures = headers["webhook-signature"];
        if (string.IsNullOrEmpty(id) || string.IsNullOrEmpty(timestamp) || string.IsNullOrEmpty(signatures))
            return new Answer(400, "not signed");
        long seconds;
        if (!long.TryParse(timestamp, out seconds))
            return new Answer(400, "webhook-timestamp is no number");
        if (Math.Abs((now - Epoch).TotalSeconds - seconds) > Tolerance.TotalSeconds)
            return new Answer(401, "too old or from the future");

        // The signature is over the bytes as they came: JSON that was parsed and written again is other bytes.
        var key = Convert.FromBase64String(secret.StartsWith("whsec_") ? secret.Substring(6) : secret);
        var signed = Encoding.UTF8.GetBytes(id + "." + timestamp + ".").Concat(body).ToArray();
        string expected;
        using (var hmac = new HMACSHA256(key))
            expected = "v1," + Convert.ToBase64String(hmac.ComputeHash(signed));
        // While a secret is being changed there is one signature for the new and one for the old, with a space between.
        foreach (var signature in signatures.Split(' '))
        {
            if (Same(signature, expected)) return null;
        }
        return new Answer(401, "no signature matches");
    }

    /// <summary>Takes as long for a near miss as for a far one, so that nobody can guess byte by byte.</summary>
    static bool Same(string a, string b)
    {
        byte[] left = Encoding.UTF8.GetBytes(a ?? ""), right = Encoding.UTF8.GetBytes(b ?? "");
        var difference = left.Length ^ right.Length;
        for (var i = 0; i < left.Length && i < right.Length; i++) difference |= left[i] ^ right[i];
        return difference == 0;
    }

    static Answer SignedEvent(HttpListenerRequest request, byte[] body)
    {
        var refused = WhyNotVerified(WebhookSecret, request.Headers, body, DateTime.UtcNow);
        if (refused != null) return refused;
        var content = JsonObject<Event>(body);
        if (content == null) return new Answer(400, "no JSON object");
        var id = request.Headers["webhook-id"];
        lock (Done)
        {
            // An answer of ours got lost, or somebody asked for a replay.
            if (Done.Contains(id)) return new Answer(200, id + " again, already done");
            Done.Add(id);
        }
        var report = content.Message ?? new Report();
        return new Answer(200, string.Join(" ", id, report.Id, report.Status));
    }

    // --- A bearer secret, and the handshake before the first report. ------------------------------------------------

    static Answer Callback(HttpListenerRequest request, byte[] body)
    {
        if (!Same(request.Headers["authorization"], "Bearer " + BearerSecret)) return new Answer(401, "wrong secret");
        var content = JsonObject<Callback>(body);
        if (content == null) return new Answer(400, "no JSON object");
        if (content.Challenge == null) return new Answer(200, content.Id + " " + content.Status);
        if (!Same(content.ValidationKey, ValidationKey)) return new Answer(403, "wrong validation key");
        return new Answer(200, "handshake") { Json = new ChallengeAnswer { Challenge = content.Challenge } };
    }

    /// <summary>The members of the body that are asked for; null if it is no JSON object.</summary>
    static T JsonObject<T>(byte[] body) where T : class
    {
        try
        {
            return (T)new DataContractJsonSerializer(typeof(T)).ReadObject(new MemoryStream(body));
        }
        catch (SerializationException)
        {
            return null;
        }
    }

    // --- HTTP. ------------------------------------------------------------------------------------------------------

    static Answer Route(HttpListenerRequest request, byte[] body)
    {
        switch (request.HttpMethod + " " + request.Url.AbsolutePath)
        {
            case "GET /ant-sms-deliver": return AntReport(request);
            case "POST /webhooks": return SignedEvent(request, body);
            case "POST /receive/callback": return Callback(request, body);
        }
        switch (request.Url.AbsolutePath)
        {
            case "/ant-sms-deliver": return new Answer(405, "another method is expected") { Allow = "GET" };
            case "/webhooks":
            case "/receive/callback": return new Answer(405, "another method is expected") { Allow = "POST" };
        }
        return new Answer(404, "no such path");
    }

    /// <summary>The body, or null if it is larger than what is taken.</summary>
    static byte[] Read(Stream input)
    {
        var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        for (int count; (count = input.Read(buffer, 0, buffer.Length)) > 0;)
        {
            body.Write(buffer, 0, count);
            if (body.Length > MaxBody) return null;
        }
        return body.ToArray();
    }

    static void Respond(HttpListenerContext context)
    {
        var request = context.Request;
        var response = context.Response;
        try
        {
            var body = Read(request.InputStream);
            var answer = body == null ? new Answer(413, "too large") : Route(request, body);
            Console.WriteLine("{0} {1} {2} {3}", request.HttpMethod, request.Url.AbsolutePath, answer.Status, answer.Note);
            response.StatusCode = answer.Status;
            response.KeepAlive = body != null;
            if (answer.Allow != null) response.AddHeader("Allow", answer.Allow);
            var content = new MemoryStream();
            if (answer.Json != null)
            {
                new DataContractJsonSerializer(answer.Json.GetType()).WriteObject(content, answer.Json);
                response.ContentType = "application/json";
            }
            response.Close(content.ToArray(), true);
        }
        catch (Exception error)
        {
            Console.Error.WriteLine(error);
            response.Abort();
        }
    }

    static string Setting(string name)
    {
        var value = Environment.GetEnvironmentVariable(name);
        if (string.IsNullOrEmpty(value)) throw new InvalidOperationException(name + " must be set");
        return value;
    }

    static void Main()
    {
        var address = "http://127.0.0.1:" + (Environment.GetEnvironmentVariable("PORT") ?? "8080") + "/";
        var listener = new HttpListener();
        listener.Prefixes.Add(address);
        listener.Start();
        Console.WriteLine("listening on " + address.TrimEnd('/'));
        while (true)
        {
            var context = listener.GetContext();
            ThreadPool.QueueUserWorkItem(_ => Respond(context));
        }
    }
}
