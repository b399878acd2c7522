#!/bin/sh
# Records corpora/java: ShopDemo.java run with log4j2, logback and java.util.logging.
#
#     record_java.sh OUT        needs a JDK 17 and Debian's liblog4j2-java and liblogback-java
set -eu
here=$(cd "$(dirname "$0")/java" && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jars=/usr/share/java
classpath=$work/shop-demo.jar:$jars/log4j-api.jar:$jars/log4j-core.jar:$jars/slf4j-api.jar:$jars/logback-classic.jar:$jars/logback-core.jar
rm -f "$out"/*.log
javac -cp "$classpath" -d "$work/classes" "$here/ShopDemo.java"
jar --create --file "$work/shop-demo.jar" -C "$work/classes" .
demo="java -Xshare:auto -XX:TieredStopAtLevel=1 -Duser.timezone=UTC -Duser.language=en -Duser.country=US -cp $classpath -Dout=$out"
$demo -Dlog4j2.configurationFile="$here/log4j2.xml" com.example.shop.ShopDemo log4j2 30
$demo -Dlogback.configurationFile="$here/logback.xml" com.example.shop.ShopDemo logback 25

# java.util.logging: once in the two-line form that is its default, once on one line as Tomcat writes it.
for form in default tomcat; do
    {
        echo 'handlers = java.util.logging.FileHandler'
        echo '.level = FINE'
        echo "java.util.logging.FileHandler.pattern = $out/jul-$form.log"
        echo 'java.util.logging.FileHandler.formatter = java.util.logging.SimpleFormatter'
        test $form = default || echo 'java.util.logging.SimpleFormatter.format = %1$td-%1$tb-%1$tY %1$tT.%1$tL %4$s [main] %2$s %5$s%6$s%n'
    } >"$work/$form.properties"
    $demo -Djava.util.logging.config.file="$work/$form.properties" com.example.shop.ShopDemo jul 20
done
